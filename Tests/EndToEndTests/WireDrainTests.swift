import Foundation
import Testing

/// What a daemon that stops says.
@Suite(.serialized) struct WireDrainTests {
    @Test func aStoppingDaemonFinishesCallsRefusesNewOnesAndSaysGoodbye() async throws {
        try await withDaemon { daemon in
            try daemon.deploy("sleeper")
            let (polite, plain) = (try RawConnection(unix: daemon.socket), try RawConnection(unix: daemon.socket))
            let (watcher, bystander) = (try RawConnection(unix: daemon.socket), try RawConnection(unix: daemon.socket))
            _ = try polite.call("fnrpc.v1.Transport/Hello", Proto.field(1, "goaway"))
            let watch = try watcher.open("grpc.health.v1.Health/Watch", flags: 0x01)
            #expect(try watcher.message(watch) == [0x08, 1])
            let open = try bystander.open(WireTests.echoStream, flags: 0x02)
            let running = try plain.open(WireTests.invoke, WireTests.invocation("sleeper", "1\n"))
            try daemon.wait("the call has begun") { try daemon.callCounts().started == 1 }
            daemon.process.terminate()
            #expect(try watcher.message(watch) == [0x08, 2], "NOT_SERVING")
            let goodbye = try polite.frame()
            #expect(try goodbye.bytes == Golden.bytes("goaway"))
            // New calls were not executed, and may be sent again.
            for connection in [polite, plain] {
                let id = try connection.open(WireTests.invoke, WireTests.invocation("sleeper", "0\n"))
                let refused = try connection.answer(id)
                #expect(refused.code == 14 && refused.reason == "UNAVAILABLE")
                #expect(refused.metadata["fn-call-id"]?.utf8.count == 26)
                #expect(refused.retryNanos == 1_000_000_000)
            }
            #expect(try polite.call("fnrpc.v1.Apps/Create", Proto.field(1, "late")).code == 14)
            #expect(try polite.call("grpc.health.v1.Health/Check").payload == [0x08, 2])
            #expect(try polite.isAliveAndQuiet(), "who looks at the end sees it")
            #expect(throws: RawError.self) { try RawConnection(unix: daemon.socket) }
            let answer = try plain.answer(running)
            #expect(answer.code == 0 && Fields(answer.payload).text(1) == "slept\n")
            // It lingers, so that late requests are answered, and then closes.
            #expect(try polite.call(WireTests.invoke, WireTests.invocation("sleeper", "0\n")).code == 14)
            #expect(try plain.next() == nil, "no goodbye for those who did not ask")
            for connection in [polite, watcher, bystander] { #expect(connection.isClosedByPeer()) }
            _ = open
            daemon.process.waitUntilExit()
            #expect(daemon.process.terminationStatus == 0)
        }
    }

    @Test func streamsOfFunctionsFinishToo() async throws {
        try await withDaemon { daemon in
            try daemon.deploy("cat")
            let connection = try RawConnection(unix: daemon.socket)
            let id = try connection.open(WireTests.invokeStream, flags: 0x02)
            try connection.send(.data(id, WireTests.invocation("cat", "one ")))
            #expect(Fields(try connection.message(id) ?? []).text(1) == "one ")
            daemon.process.terminate()
            try daemon.wait("it drains") { try connection.call("grpc.health.v1.Health/Check").payload == [0x08, 2] }
            try connection.send(.data(id, Proto.field(1, "two")), .end(id))
            #expect(Fields(try connection.message(id) ?? []).text(1) == "two")
            #expect(try connection.message(id) == nil)
            #expect(connection.isClosedByPeer())
            daemon.process.waitUntilExit()
            #expect(daemon.process.terminationStatus == 0)
        }
    }
}
