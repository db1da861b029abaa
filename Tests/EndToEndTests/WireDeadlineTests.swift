import Foundation
import Testing

extension WireTests {
    /// Deadlines, cancellation, callers that leave.
    @Suite struct Deadlines {
        /// The status in the record of the last call of a function.
        private func lastStatus(_ function: String) throws -> String {
            let request = Proto.field(1, "demo") + Proto.field(2, function)
            let list = Fields(try SharedDaemon.connect().call("fnrpc.v1.Calls/List", request).payload)
            return list.all(1).first.map { Fields($0).text(7) } ?? ""
        }

        /// A call that sleeps, and runs.
        private func sleeping(_ connection: RawConnection, metadata: [(String, String)] = []) throws -> UInt32 {
            let daemon = try SharedDaemon.daemon
            try daemon.deploy("sleeper")
            let before = try daemon.callCounts().started
            let id = try connection.open(
                WireTests.invoke, WireTests.invocation("sleeper", "30\n"), metadata: metadata)
            try daemon.wait("the call has begun") { try daemon.callCounts().started > before }
            return id
        }

        @Test func aNegativeTimeoutIs4AtOnceAndZeroIsNone() throws {
            let connection = try SharedDaemon.connect()
            for timeout: Int64 in [-1, .min] {
                let answer = try connection.call(WireTests.echo, timeout: timeout)
                #expect(answer.code == 4 && answer.reason == "TIMEOUT")
            }
            #expect(try connection.call(WireTests.echo, timeout: 0).code == 0)
            // Zero on the wire, not only absent.
            let data = RawFrame.request(1, WireTests.echo).data + [0x20, 0]
            let id = connection.newID()
            try connection.send(RawFrame(id: id, type: RawFrame.request, data: data))
            #expect(try connection.answer(id).code == 0)
            #expect(try connection.call(WireTests.echo, timeout: .max).code == 0)
        }

        @Test func aFunctionsCallEndsAtItsDeadlineByTheDaemonItself() throws {
            let connection = try SharedDaemon.connect()
            try SharedDaemon.daemon.deploy("sleeper")
            let answer = try connection.call(
                WireTests.invoke, WireTests.invocation("sleeper", "30\n"), timeout: 200_000_000)
            #expect(answer.code == 4 && answer.message.contains("timed out after 200 ms"))
            #expect(try lastStatus("sleeper") == "timeout")
            #expect(try connection.isAliveAndQuiet())
        }

        @Test func anOpenStreamEndsAtItsDeadline() throws {
            let connection = try SharedDaemon.connect()
            let asMetadata = [("fnrpc-timeout", "100ms")]
            for path in [WireTests.echoStream, WireTests.collect, WireTests.invokeStream] {
                let byMetadata = try connection.open(path, flags: 0x02, metadata: asMetadata)
                #expect(try connection.answer(byMetadata).code == 4, "\(path)")
                let byField = try connection.open(path, flags: 0x02, timeout: 100_000_000)
                #expect(try connection.answer(byField).code == 4, "\(path)")
                // What crosses the end on its way is dropped.
                try connection.send(.data(byField, [1]), .end(byField))
            }
            let watch = try connection.open("grpc.health.v1.Health/Watch", flags: 0x01, metadata: asMetadata)
            #expect(try connection.message(watch) == [0x08, 1])
            #expect(try connection.answer(watch).code == 4)
            #expect(try connection.isAliveAndQuiet())
        }

        @Test func aStreamWhoseReaderStopsEndsAtItsDeadline() throws {
            let daemon = try SharedDaemon.daemon
            let connection = try SharedDaemon.connect()
            let request = Proto.field(1, varint: 100_000) + Proto.field(2, varint: 1024)
            let id = try connection.open(WireTests.generate, request, flags: 0x01, timeout: 300_000_000)
            // Nothing is read until the daemon has ended it: then no stream is open any more.
            try daemon.wait("the stream has ended") {
                let list = Fields(try SharedDaemon.connect().call("fnrpc.v1.Connections/List").payload)
                let all = list.all(1).map(Fields.init)
                return all.contains { $0.number(7) ?? 0 == 0 && $0.number(8) == 1 && $0.number(11) ?? 0 > 0 }
            }
            var count = 0
            while case let frame = try connection.frame(), frame.type == RawFrame.message || frame.id != id {
                count += 1
            }
            #expect(count > 0 && count < 100_000)
            #expect(try connection.isAliveAndQuiet())
        }

        @Test func badTimeoutTextIs3AndNamesTheField() throws {
            let connection = try SharedDaemon.connect()
            for text in ["soon", "", "1", "s", "10 s", "1h30", "+1s", "1.5s"] {
                let answer = try connection.call(WireTests.echo, metadata: [("fnrpc-timeout", text)])
                #expect(answer.code == 3 && answer.field == "fnrpc-timeout", "\(text): \(answer.message)")
            }
            for (text, code) in [("10s", 0), ("9999999999999999999h", 0), ("0s", 4), ("-1s", 4)] {
                #expect(
                    try connection.call(WireTests.echo, metadata: [("fnrpc-timeout", text)]).code == code, "\(text)")
            }
        }

        @Test func whoClosesOrHalfClosesCancelsItsCalls() throws {
            let daemon = try SharedDaemon.daemon
            for half in [true, false] {
                let connection = try SharedDaemon.connect()
                _ = try sleeping(connection)
                let before = try daemon.callCounts().finished
                if half {
                    connection.endSending()
                    #expect(try connection.next() == nil, "closed without an answer")
                } else {
                    connection.close()
                }
                try daemon.wait("the call is over") { try daemon.callCounts().finished > before }
                #expect(try lastStatus("sleeper") == "cancelled")
            }
        }

        @Test func helloNamesFeaturesAndLimits() throws {
            let connection = try SharedDaemon.connect()
            let both = Proto.field(1, "cancel") + Proto.field(1, "goaway") + Proto.field(1, "later")
            let hello = Fields(try connection.call("fnrpc.v1.Transport/Hello", both).payload)
            #expect(hello.texts(1) == ["cancel", "goaway"])
            #expect(hello.text(2).hasPrefix("fnrpcd "))
            #expect(hello.number(3) == 4 << 20 && hello.number(4) == 1024 && hello.number(5) == 256 << 10)
            #expect(Fields(try connection.call("fnrpc.v1.Transport/Hello").payload).texts(1) == [])
        }

        @Test func cancelFramesEndCallsAndStreamsAfterHello() throws {
            let connection = try SharedDaemon.connect()
            _ = try connection.call("fnrpc.v1.Transport/Hello", Proto.field(1, "cancel"))
            let id = try sleeping(connection)
            try connection.send(RawFrame(id: id, type: RawFrame.cancel))
            #expect(try connection.answer(id).code == 1)
            try SharedDaemon.daemon.wait("its record is there") { try lastStatus("sleeper") == "cancelled" }
            let stream = try connection.open(WireTests.echoStream, flags: 0x02)
            try connection.send(RawFrame(id: stream, type: RawFrame.cancel))
            #expect(try connection.answer(stream).code == 1)
            // A second time, or where nothing is open: nothing.
            for id in [id, stream, 0, 2, 999] { try connection.send(RawFrame(id: id, type: RawFrame.cancel)) }
            #expect(try connection.isAliveAndQuiet())
        }

        @Test func cancelFramesWithoutHelloAreIgnored() throws {
            let connection = try SharedDaemon.connect()
            let stream = try connection.open(WireTests.echoStream, flags: 0x02)
            try connection.send(RawFrame(id: stream, type: RawFrame.cancel), .data(stream, []), .end(stream))
            #expect(try connection.message(stream) == [])
            #expect(try connection.message(stream) == nil)
            #expect(try connection.isAliveAndQuiet())
        }

        @Test func callsAreCancelledByTheNameThatTheirCallerGave() throws {
            let connection = try SharedDaemon.connect()
            let id = try sleeping(connection, metadata: [("fnrpc-invocation-id", "job-7")])
            let other = try SharedDaemon.connect()
            let none = try other.call("fnrpc.v1.Invocation/Cancel", Proto.field(1, "job-8"))
            #expect(Fields(none.payload).number(1) ?? 0 == 0)
            let cancelled = try other.call("fnrpc.v1.Invocation/Cancel", Proto.field(1, "job-7"))
            #expect(Fields(cancelled.payload).number(1) == 1)
            let answer = try connection.answer(id)
            #expect(answer.code == 1 && answer.metadata["fnrpc-version"] == "1")
            #expect(try lastStatus("sleeper") == "cancelled")
            // And by the id that the daemon gave; no call has that one any more.
            let callID = try #require(answer.metadata["fn-call-id"])
            let over = try other.call("fnrpc.v1.Invocation/Cancel", Proto.field(1, callID))
            #expect(over.code == 0 && Fields(over.payload).number(1) ?? 0 == 0)
            for bad in ["", String(repeating: "x", count: 129)] {
                #expect(try other.call("fnrpc.v1.Invocation/Cancel", Proto.field(1, bad)).field == "id")
            }
        }

        @Test func callsAreCancelledByTheirOwnID() throws {
            try SharedDaemon.daemon.deploy("named")
            let connection = try SharedDaemon.connect()
            let id = try connection.open(WireTests.invokeStream, WireTests.invocation("named"), flags: 0x01)
            var text = ""
            while !text.hasSuffix("\n") { text += Fields(try connection.message(id) ?? []).text(1) }
            let cancelled = try SharedDaemon.connect().call(
                "fnrpc.v1.Invocation/Cancel", Proto.field(1, String(text.dropLast())))
            #expect(Fields(cancelled.payload).number(1) == 1)
            #expect(try connection.answer(id).code == 1)
            #expect(try lastStatus("named") == "cancelled")
            #expect(try connection.isAliveAndQuiet())
        }

        @Test func answersOfFunctionsCarryMetadata() throws {
            let connection = try SharedDaemon.connect()
            try SharedDaemon.daemon.deploy("cat")
            let answer = try connection.call(WireTests.invoke, WireTests.invocation("cat", "miau"))
            #expect(answer.code == 0 && Fields(answer.payload).text(1) == "miau")
            #expect(answer.metadata["fn-call-id"]?.count == 26 && answer.metadata["fnrpc-version"] == "1")
        }
    }
}
