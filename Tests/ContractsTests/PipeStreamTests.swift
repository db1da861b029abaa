import Drivers
import Glibc
import Loop
import Model
import Testing
import Wire

@testable import Contracts

/// Streamed calls of hot functions on pipes.
@Suite struct PipeStreamTests {
    private func open(
        _ format: FunctionSpec.Format, _ pipes: Pipes, headers: [CallHeader] = [], contentType: String = "",
        path: PathRequest? = nil, prepare: (Witness) -> Void = { _ in }
    ) throws(Failure) -> Bench {
        let bench = Bench()
        prepare(bench.owner)
        let head = CallHead(
            id: "ID", deadline: Timestamp(nanoseconds: 0), contentType: contentType, headers: headers, metadata: [],
            path: path)
        try bench.open { loop, _, owner in
            guard format != .http else { return PipeStream(loop: loop, process: pipes, head: head, owner: owner) }
            return WholeStream(format: format, loop: loop, process: pipes, head: head, owner: owner)
        }
        return bench
    }

    private func body(_ bench: Bench) throws -> [UInt8] {
        try bench.owner.messages.flatMap {
            try $0.withUnsafeBytes { Array(try InvokeStreamScan(scanning: $0).payload) }
        }
    }

    private let head =
        "POST /invoke HTTP/1.1\r\nHost: localhost\r\nFn_call_id: ID\r\nFn_deadline: 1970-01-01T00:00:00.000Z\r\n"
        + "Fn_method: POST\r\nFn_request_url: /invoke\r\n"

    @Test func httpBodiesGoBothWaysAsTheyCome() throws {
        let pipes = Pipes()
        let bench = try open(.http, pipes)
        defer { bench.close() }
        #expect(pipes.standardInput.read(until: "\r\n\r\n") == head + "Transfer-Encoding: chunked\r\n\r\n")
        // The answer may begin before the request has ended.
        pipes.standardOutput.write("HTTP/1.1 201 Made\r\nX: y\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
        bench.owner.wait { $0.messages.count == 2 }
        #expect(
            bench.owner.messages[0]
                == InvokeBody(headers: [
                    CallHeader(name: "Fn-Http-Status", value: "201"), CallHeader(name: "X", value: "y"),
                ]).encoded())
        #expect(bench.send(field(1, "hello ")) && bench.send([]) && bench.send(field(1, "world")))
        bench.endInput()
        #expect(pipes.standardInput.read(until: "0\r\n\r\n") == "6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n")
        pipes.standardOutput.write("2\r\nbc\r\n0\r\n\r\n")
        #expect(bench.owner.ended() == "finished")
        let told = try body(bench)
        #expect(told == Array("abc".utf8) && pipes.input != nil)
    }

    @Test(arguments: [("x", true), ("", false)])
    func whoIsOutOfStepIsNotCalledAgain(behind: String, ends: Bool) throws {
        let pipes = Pipes()
        let bench = try open(.http, pipes)
        defer { bench.close() }
        if ends { bench.endInput() }
        _ = pipes.standardInput.read(until: ends ? "0\r\n\r\n" : "\r\n\r\n")
        pipes.standardOutput.write("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na" + behind)
        #expect(bench.owner.ended() == "finished" && pipes.input == nil)
    }

    @Test func aBodyHasTheLengthThatItsCallerSaid() throws {
        for (count, message) in [
            (2, "has 2 bytes; its content-length says 3"), (4, "is longer than its content-length of 3"),
        ] {
            let pipes = Pipes()
            let bench = try open(.http, pipes, headers: [CallHeader(name: "Content-Length", value: "3")])
            defer { bench.close() }
            #expect(pipes.standardInput.read(until: "\r\n\r\n") == head + "Content-Length: 3\r\n\r\n")
            #expect(bench.send(field(1, [UInt8](repeating: 1, count: count))))
            bench.endInput()
            #expect(bench.owner.ended()?.hasPrefix("refused 3: payload: the body " + message) == true)
            #expect(pipes.input == nil)
        }
    }

    @Test func pausingHoldsTheFunctionBack() throws {
        let pipes = Pipes()
        let bench = try open(.http, pipes) { owner in
            owner.onMessage = { stream, count in if count == 1 { stream.pause() } }
        }
        defer { bench.close() }
        bench.endInput()
        pipes.standardOutput.write("HTTP/1.1 200 OK\r\nContent-Type: a/b\r\n\r\n")
        bench.owner.wait { $0.messages.count == 1 }
        let written = pipes.standardOutput.writeUntilFull(limit: 64 << 20)
        bench.onLoop {}
        #expect(written <= 1 << 20 && bench.owner.messages.count == 1)
        bench.resume()
        pipes.standardOutput.close()
        #expect(bench.owner.ended() == "finished")
        let told = try body(bench)
        #expect(told.count == written)
    }

    @Test func aFunctionThatDoesNotReadHoldsItsCallerBack() throws {
        let pipes = Pipes()
        let bench = try open(.http, pipes)
        defer { bench.close() }
        let part = field(1, [UInt8](repeating: 5, count: 100_000))
        var sent = 0
        while sent < 1000, bench.send(part) { sent += 1 }
        #expect(sent < 20)
        #expect(pipes.standardInput.read(sent * 100_000).count == sent * 100_000)
        bench.owner.wait { $0.rooms > 0 }
        let isTaken = bench.send(part)
        #expect(isTaken)
    }

    @Test func jsonIsSentAndToldWhenItIsWhole() throws {
        let pipes = Pipes()
        let bench = try open(.json, pipes) { owner in
            owner.onMessage = { stream, _ in
                stream.pause()
                stream.resume()
            }
        }
        defer { bench.close() }
        #expect(bench.send(field(1, "hello ")) && bench.send(field(1, "world")))
        bench.endInput()
        #expect(pipes.standardInput.read(until: "\n").contains("\"body\":\"hello world\""))
        let long = String(repeating: "x", count: 600_000)
        pipes.standardOutput.write("{\"body\":\"\(long)\",\"content_type\":\"a/b\"}\n")
        #expect(bench.owner.ended() == "finished")
        let told = try body(bench)
        #expect((told == Array(long.utf8)) == true)
        #expect(bench.owner.messages.count == 4 && bench.owner.messages[0] == InvokeBody(contentType: "a/b").encoded())
        #expect(pipes.input != nil)
    }

    @Test func jsonTakesABodyOfItsLimit() throws {
        for (count, isTaken) in [(4_128_768, true), (4_128_769, false)] {
            let pipes = Pipes()
            let bench = try open(.json, pipes)
            defer { bench.close() }
            for start in stride(from: 0, to: count, by: 200_000) {
                #expect(bench.send(field(1, [UInt8](repeating: 0x78, count: min(200_000, count - start)))))
            }
            #expect(
                bench.owner.end
                    == (isTaken
                        ? nil : "refused 8: payload: the body is over 4128768 bytes, which format json takes at most")
            )
            // Nothing of it has reached the function.
            #expect(pipes.input != nil)
        }
    }

    @Test func deathAndGarbageAreTold() throws {
        let pipes = Pipes()
        let bench = try open(.json, pipes)
        defer { bench.close() }
        bench.exited("it exited with code 1", success: false)
        pipes.standardOutput.close()
        #expect(bench.owner.ended() == "broken: it exited with code 1")
        let others = Pipes()
        let early = try open(.json, others)
        defer { early.close() }
        others.standardOutput.write("{}")
        #expect(early.owner.ended() == "broken: it wrote to standard output before it was called")
    }

    @Test func cancellingIsSilentAndLeavesNoPartOfACall() throws {
        for format in [FunctionSpec.Format.http, .json] {
            let pipes = Pipes()
            let bench = try open(format, pipes)
            bench.cancel()
            bench.exited("it was killed", success: false)
            pipes.standardOutput.close()
            bench.onLoop {}
            #expect(bench.owner.end == nil && pipes.input == nil && bench.send([1]))
            bench.close()
        }
    }
}
