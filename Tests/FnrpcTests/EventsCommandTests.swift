import Foundation
import Model
import Synchronization
import Testing
import Wire

@testable import fnrpc

@Suite struct EventsCommandTests {
    private static func event(_ sequence: UInt64, name: String = "demo", at: Int64 = 1_700_000_000_000_000_000) -> Event
    {
        Event(
            sequence: sequence, at: at, action: "create", kind: "app", id: TriggerCommandTests.id, name: name,
            revision: 1, apiVersion: 1)
    }

    @Test func whatThereIsIsShown() throws {
        let scratch = try Scratch()
        let server = try TtrpcServer(scratch) { _, event in
            guard case .request = event else { return [] }
            return [.data(Self.event(1).encoded()), .data(Self.event(3, name: "a\u{1B}b").encoded()), .finished]
        }
        defer { withExtendedLifetime(scratch) { server.stop() } }
        let table = try FnrpcProcess.run(["events", "--kind", "app", "--kind", "alias", "--address", server.address])
        #expect(
            table.output == """
                2023-11-14T22:13:20.000Z create app      demo revision 1 sequence 1
                2023-11-14T22:13:20.000Z create app      a b revision 1 sequence 3

                """)
        #expect(table.code == 0 && table.errors.isEmpty)
        let asked = try FollowEventsRequest(decoding: try #require(server.requests.first).payload, strict: true)
        // Without --follow "from now on" would be nothing.
        #expect(asked.after == 0 && !asked.follow && asked.kinds == ["app", "alias"])
        let lines = try FnrpcProcess.run(["events", "--after", "2", "--output", "json", "--address", server.address])
        #expect(
            lines.output == """
                {"action":"create","api_version":1,"at":"2023-11-14T22:13:20.000000000Z","id":"\(TriggerCommandTests.id)",\
                "kind":"app","name":"a\\u001bb","revision":1,"sequence":3}

                """)
    }

    /// The first connection ends behind two events; a second one goes on, and is told where.
    @Test func followingGoesOnWhereItWas() throws {
        let scratch = try Scratch()
        let server = try TtrpcServer(scratch) { request, event in
            guard case .request = event,
                let asked = try? FollowEventsRequest(decoding: request.payload, strict: true)
            else { return [] }
            // Events that came already come again: some daemons are not exact.
            return asked.after == 4
                ? [.data(Self.event(5).encoded()), .data(Self.event(6).encoded()), .hangUp]
                : asked.after == 6
                    ? [.data(Self.event(6).encoded()), .data(Self.event(7).encoded())] : [.status(9, "unexpected")]
        }
        defer { withExtendedLifetime(scratch) { server.stop() } }
        let process = FnrpcProcess.make([
            "events", "--follow", "--after", "4", "--output", "json", "--address", server.address,
        ])
        let (output, errors) = (Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        var text = ""
        while text.split(separator: "\n").count < 3 || !text.hasSuffix("\n") {
            let piece = output.fileHandleForReading.availableData
            if piece.isEmpty { break }
            text += String(decoding: piece, as: UTF8.self)
        }
        process.interrupt()
        process.waitUntilExit()
        #expect(process.terminationStatus == 130)
        #expect(process.terminationReason == .exit)
        #expect(
            text.split(separator: "\n").map { $0.suffix(13) } == [
                "\"sequence\":5}", "\"sequence\":6}", "\"sequence\":7}",
            ])
        let warnings = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        #expect(warnings.hasPrefix("warning: ") && warnings.contains("going on"))
        #expect(server.requests.count == 2)
    }

    /// Of what is not wanted the daemon says how far it is; after a loss that is where it goes on.
    @Test func followingGoesOnBehindWhatIsNotWanted() throws {
        let scratch = try Scratch()
        let server = try TtrpcServer(scratch) { request, event in
            guard case .request = event else { return [] }
            guard let asked = try? FollowEventsRequest(decoding: request.payload, strict: true), asked.positions else {
                return [.status(9, "unexpected")]
            }
            switch asked.after {
            case nil: return [.data(Event(sequence: 500).encoded()), .data(Event(sequence: 900).encoded()), .hangUp]
            case 900: return [.data(Self.event(901, at: 5).encoded()), .finished]
            case 901: return [.status(3, "the end")]
            default: return [.status(9, "unexpected")]
            }
        }
        defer { withExtendedLifetime(scratch) { server.stop() } }
        let result = try FnrpcProcess.run([
            "events", "--follow", "--kind", "token", "--output", "json", "--address", server.address,
        ])
        #expect(result.code == 4 && result.errors.contains("\nfnrpc: the end"), "\(result)")
        let lines = result.output.split(separator: "\n")
        #expect(lines.count == 1 && lines[0].hasSuffix("\"sequence\":901}"), "\(result)")
    }

    @Test func refusalsEndIt() throws {
        let scratch = try Scratch()
        let server = try TtrpcServer(scratch) { _, _ in [.status(3, "kinds: x is not known; use app")] }
        defer { withExtendedLifetime(scratch) { server.stop() } }
        let result = try FnrpcProcess.run(["events", "--follow", "--kind", "x", "--address", server.address])
        #expect(result.code == 4)
        #expect(result.errors == "fnrpc: kinds: x is not known; use app\n")
    }

    /// Nothing was seen before the connection was lost: what came meanwhile is shown, what is older is not.
    @Test func positions() {
        let start = Timestamp(nanoseconds: 1000)
        var position = EventPosition(after: nil, start: start)
        position.resume()
        #expect(position.after == 0)
        let taken1 = position.takes(Self.event(1, at: 999))
        #expect(!taken1)
        #expect(position.after == 1)
        let taken2 = position.takes(Self.event(2, at: 1000))
        #expect(taken2)
        // Clocks may go back; sequences do not.
        let taken3 = position.takes(Self.event(3, at: 5))
        #expect(taken3)
        let taken4 = position.takes(Self.event(3, at: 2000))
        #expect(!taken4)

        var fromNow = EventPosition(after: nil, start: start)
        #expect(fromNow.after == nil)
        let taken5 = fromNow.takes(Self.event(8, at: 5))
        #expect(taken5)
        fromNow.resume()
        #expect(fromNow.after == 8)

        var told = EventPosition(after: nil, start: start)
        told.reached(30)
        told.resume()
        #expect(told.after == 30)
        // Where the daemon is, it is now.
        let taken8 = told.takes(Self.event(31, at: 5))
        #expect(taken8)
        told.reached(12)
        #expect(told.after == 31)

        var given = EventPosition(after: 4, start: start)
        let taken6 = given.takes(Self.event(4, at: 2000))
        #expect(!taken6)
        let taken7 = given.takes(Self.event(5, at: 5))
        #expect(taken7)
    }
}
