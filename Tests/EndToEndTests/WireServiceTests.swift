import Testing

extension WireTests {
    /// Health, reflection, connections.
    @Suite struct Services {
        private let health = "grpc.health.v1.Health"

        @Test func healthChecksDaemonFunctionsAndServices() throws {
            try SharedDaemon.daemon.deploy("cat")
            let connection = try SharedDaemon.connect()
            for name in ["", "demo/cat", "fnrpc.v1.Apps", "grpc.health.v1.Health"] {
                let answer = try connection.call("\(health)/Check", name.isEmpty ? [] : Proto.field(1, name))
                #expect(answer.code == 0 && answer.payload == [0x08, 1], "\(name)")
            }
            for name in ["nobody", "demo/nobody", "no/cat", "demo", "/", "demo/", "fnrpc.v1.Nothing"] {
                #expect(try connection.call("\(health)/Check", Proto.field(1, name)).code == 5, "\(name)")
            }
        }

        @Test func healthListsDaemonAndFunctions() throws {
            try SharedDaemon.daemon.deploy("cat")
            let list = Fields(try SharedDaemon.connect().call("\(health)/List").payload)
            let statuses = list.all(1).reduce(into: [String: UInt64]()) {
                $0[Fields($1).text(1)] = Fields(Fields($1).part(2) ?? []).number(1)
            }
            #expect(statuses[""] == 1 && statuses["demo/cat"] == 1)
        }

        @Test func watchTellsAnUnknownNameAndThenThatItIsThere() throws {
            let connection = try SharedDaemon.connect()
            let name = "watched-\(UInt32.random(in: 0...9999))"
            let id = try connection.open("\(health)/Watch", Proto.field(1, "demo/\(name)"), flags: 0x01)
            #expect(try connection.message(id) == [0x08, 3], "SERVICE_UNKNOWN, and no error")
            try SharedDaemon.daemon.deploy(name)
            #expect(try connection.message(id) == [0x08, 1])
        }

        @Test func reflectionListsAndDescribesTheDaemonsServices() throws {
            let connection = try SharedDaemon.connect()
            let list = Fields(try connection.call("fnrpc.v1.Reflection/List").payload)
            let names = list.all(1).map { Fields($0).text(1) }
            let own = [
                "Apps", "Calls", "Connections", "Diagnostics", "Functions", "Invocation", "Packages", "Reflection",
                "System", "Tokens", "Transport", "Versions",
            ]
            #expect(Set(names).isSuperset(of: own.map { "fnrpc.v1." + $0 } + [health]))
            let method = "fnrpc.v1.Reflection/GetFileDescriptorSet"
            let set = Fields(Fields(try connection.call(method).payload).part(1) ?? [])
            // FileDescriptorSet.file, FileDescriptorProto.package and .service
            let files = set.all(1).map(Fields.init)
            let services = files.flatMap { file in
                file.all(6).map { "\(file.text(2)).\(Fields($0).text(1))" }
            }
            #expect(Set(services).isSuperset(of: own.map { "fnrpc.v1." + $0 } + [health]))
            #expect(try connection.call(method, Proto.field(1, "fnrpc.v1.Apps")).code == 0)
            #expect(try connection.call(method, Proto.field(1, "no.Such")).code == 5)
        }

        @Test func connectionsAreListedAndClosed() throws {
            let (connection, victim) = (try SharedDaemon.connect(), try SharedDaemon.connect())
            let stream = try victim.open(WireTests.echoStream, flags: 0x02)
            try victim.send(.data(stream, []))
            #expect(try victim.message(stream) == [])
            let list = Fields(try connection.call("fnrpc.v1.Connections/List").payload)
            let all = list.all(1).map(Fields.init)
            #expect(list.number(2) == UInt64(all.count) && all.count >= 2)
            let ids = all.compactMap { $0.number(1) }
            #expect(ids == ids.sorted(), "the oldest first")
            let found = try #require(all.last { $0.number(7) == 1 })
            #expect(found.text(2) == "unix:" + (try SharedDaemon.daemon.socket))
            #expect(found.text(3).hasPrefix("uid 0") && found.text(4) == "uid 0", "\(found)")
            #expect(found.number(8) == 1 && found.number(9) ?? 0 > 10 && found.number(10) == 10)
            let closed = try connection.call("fnrpc.v1.Connections/Close", Proto.field(1, varint: found.number(1) ?? 0))
            #expect(closed.code == 0)
            #expect(victim.isClosedByPeer())
            let none = try connection.call("fnrpc.v1.Connections/Close", Proto.field(1, varint: 1 << 60))
            #expect(none.code == 5)
            #expect(try connection.isAliveAndQuiet())
        }

        @Test func aConnectionMayCloseItself() throws {
            let connection = try SharedDaemon.connect()
            let list = Fields(try connection.call("fnrpc.v1.Connections/List").payload)
            let own = try #require(list.all(1).map(Fields.init).last)
            _ = try connection.open("fnrpc.v1.Connections/Close", Proto.field(1, varint: own.number(1) ?? 0))
            #expect(connection.isClosedByPeer())
        }
    }
}
