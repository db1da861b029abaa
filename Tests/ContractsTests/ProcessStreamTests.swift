import Drivers
import Glibc
import Loop
import Model
import Testing
import Wire

@testable import Contracts

@Suite struct ProcessStreamTests {
    private let plan = Assignment(arguments: ["/f"], environment: ["A=b"], workingDirectory: "/function")

    private func open(
        _ pipes: Pipes, contentType: String = "", headers: [CallHeader] = [], metadata: [CallHeader] = [],
        prepare: (Witness) -> Void = { _ in }
    ) throws(Failure) -> Bench {
        let bench = Bench()
        prepare(bench.owner)
        let plan = plan
        try bench.open { loop, _, owner throws(Failure) in
            let result = withBody(contentType, headers, metadata) {
                call, contentType -> Result<ProcessStream, Failure> in
                do throws(Failure) {
                    return .success(
                        try ProcessStream(
                            loop: loop, process: pipes, plan: plan, call: call, contentType: contentType,
                            headers: headers, owner: owner))
                } catch {
                    return .failure(error)
                }
            }
            return try result.get()
        }
        return bench
    }

    @Test func theCallIsInTheEnvironment() throws {
        let pipes = Pipes()
        let bench = try open(
            pipes, contentType: "a/b", headers: [.init(name: "x-y", value: "1"), .init(name: "X-Y", value: "2")],
            metadata: [.init(name: "traceparent", value: "00-x"), .init(name: "secret", value: "z")])
        defer { bench.close() }
        #expect(
            pipes.assigned
                == Assignment(
                    arguments: ["/f"],
                    environment: [
                        "A=b", "FN_CALL_ID=\(callID)", "FN_DEADLINE=1970-01-01T00:00:00.000Z", "FN_METHOD=POST",
                        "FN_REQUEST_URL=/invoke", "FN_PATH=/invoke",
                        "FN_HEADER_CONTENT_TYPE=a/b", "FN_HEADER_TRACEPARENT=00-x", "FN_HEADER_X_Y=1, 2",
                    ], workingDirectory: "/function"))
    }

    @Test func whatDoesNotStartIsThrown() {
        let pipes = Pipes(refusal: Failure(.invalid, "the environment is too long"))
        #expect(throws: Failure.self) { _ = try open(pipes) }
    }

    @Test func pipesAreTheStream() throws {
        let pipes = Pipes()
        let bench = try open(pipes)
        defer { bench.close() }
        for part in [field(1, "hello ") + field(4, "app"), [], field(1, "world")] {
            let isTaken = bench.send(part)
            #expect(isTaken)
        }
        bench.endInput()
        #expect(pipes.standardInput.readAll() == Array("hello world".utf8))
        pipes.standardOutput.write("one")
        bench.owner.wait { $0.messages.count == 1 }
        pipes.standardOutput.write("two")
        pipes.standardOutput.close()
        bench.owner.wait { $0.messages.count == 2 }
        bench.onLoop {}
        // Its end is the process' end, not the pipe's.
        #expect(bench.owner.end == nil)
        bench.exited("it exited with code 0", success: true)
        #expect(bench.owner.ended() == "finished")
        #expect(bench.owner.messages == [field(1, "one"), field(1, "two")])
    }

    @Test func whatWasWrittenBeforeTheEndIsRead() throws {
        let pipes = Pipes()
        let bench = try open(pipes)
        defer { bench.close() }
        // A child keeps the pipe open: nobody waits for it.
        bench.onLoop {
            pipes.standardOutput.write("last words")
            bench.stream?.exited("it exited with code 1", success: false)
        }
        #expect(bench.owner.ended() == "failed 2: it exited with code 1")
        #expect(bench.owner.messages == [field(1, "last words")])
        bench.exited("again", success: true)
        #expect(bench.owner.end == "failed 2: it exited with code 1")
    }

    @Test func pausingHoldsOutputBackAndItsEnd() throws {
        let pipes = Pipes()
        let bench = try open(pipes) { owner in
            owner.onMessage = { stream, count in if count == 1 { stream.pause() } }
        }
        defer { bench.close() }
        pipes.standardOutput.write("one")
        bench.owner.wait { $0.messages.count == 1 }
        let written = pipes.standardOutput.writeUntilFull(limit: 64 << 20)
        #expect(written <= 1 << 20)
        bench.exited("it exited with code 0", success: true)
        bench.onLoop {}
        #expect(bench.owner.end == nil && bench.owner.messages.count == 1)
        bench.resume()
        #expect(bench.owner.ended() == "finished")
        let payload = try bench.owner.messages.dropFirst().reduce(0) { sum, message in
            try sum + message.withUnsafeBytes { bytes throws in try InvokeStreamScan(scanning: bytes).payload.count }
        }
        #expect(payload == written)
    }

    @Test func ownersMayPauseAndResumeInsideADelivery() throws {
        let pipes = Pipes()
        let bench = try open(pipes) { owner in
            owner.onMessage = { stream, _ in
                stream.pause()
                stream.resume()
            }
        }
        defer { bench.close() }
        let written = bench.onLoop {
            let count = pipes.standardOutput.writeUntilFull(limit: 1 << 20)
            bench.stream?.exited("", success: true)
            return count
        }
        #expect(bench.owner.ended() == "finished" && written > 0)
        #expect(bench.owner.messages.map(\.count).reduce(0, +) > written)
    }

    @Test func aFunctionThatDoesNotReadHoldsItsCallerBack() throws {
        let pipes = Pipes()
        let bench = try open(pipes)
        defer { bench.close() }
        let part = field(1, [UInt8](repeating: 5, count: 100_000))
        var sent = 0
        while sent < 1000, bench.send(part) { sent += 1 }
        #expect(sent < 20 && !bench.send(part))
        #expect(pipes.standardInput.read(sent * 100_000).count == sent * 100_000)
        bench.owner.wait { $0.rooms > 0 }
        #expect(bench.owner.rooms == 1)
        let isTaken = bench.send(part)
        bench.endInput()
        #expect(isTaken && pipes.standardInput.readAll().count == 100_000)
    }

    @Test func inputThatNobodyWantsIsDropped() throws {
        let pipes = Pipes()
        let bench = try open(pipes)
        defer { bench.close() }
        let part = field(1, [UInt8](repeating: 5, count: 100_000))
        while bench.send(part) {}
        pipes.standardInput.close()
        bench.owner.wait { $0.rooms > 0 }
        for _ in 0..<30 {
            let isTaken = bench.send(part)
            #expect(isTaken)
        }
        #expect(pipes.input == nil && bench.owner.end == nil)
        bench.exited("", success: true)
        #expect(bench.owner.ended() == "finished")
    }

    @Test func cancellingIsSilent() throws {
        let pipes = Pipes()
        let bench = try open(pipes)
        defer { bench.close() }
        bench.cancel()
        #expect(pipes.standardInput.readAll().isEmpty)
        bench.exited("it was killed", success: false)
        bench.onLoop {}
        #expect(bench.owner.end == nil && bench.send([1]))
    }
}
