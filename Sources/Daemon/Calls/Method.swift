internal import Glibc
package import Model
package import Telemetry
package import Wire

/// How many messages go each way.
package enum MethodKind: String, Sendable {
    case unary
    case clientStreaming
    case serverStreaming
    case bidirectional

    /// Whether the caller's half is a stream.
    package var takesStream: Bool { self == .clientStreaming || self == .bidirectional }
}

/// What a caller must be allowed to do.
package enum Permission: Sendable {
    /// Be somebody.
    case known
    /// See what there is.
    case read
    /// Change it.
    case admin
    /// Call a function; which one is checked when it is known.
    case call
}

/// Who calls, as handlers see it.
package struct Caller: Sendable {
    /// Who it is.
    package let principal: Principal
    /// The connection's id.
    package let connection: UInt64
    /// Where it comes from, for logs.
    package let peer: String
    /// The trace that the call belongs to.
    package let trace: TraceContext?
    /// The app that is meant where none is named: the token's, else the listener's; empty: none.
    package let defaultApp: String
    /// Which version of the management methods the request means.
    package let apiVersion: UInt32
    /// Whether it says so itself; else it is the daemon's current one.
    package let apiVersionIsExplicit: Bool
}

/// One method of the daemon's own services. Thread-safe.
package final class Method: Sendable {
    /// A unary method: the request's bytes in, the response's out.
    package typealias Unary = @Sendable ([UInt8], Caller) async throws -> [UInt8]
    /// A unary method that is answered on the loop: the request's bytes, borrowed, to the response's. It must be short.
    /// `nil`: this time it has to be answered by a task.
    package typealias Immediate = @Sendable (UnsafeRawBufferPointer) throws(Failure) -> [UInt8]?
    /// Makes an answer, on the loop.
    package typealias Answer = @Sendable () throws(Failure) -> [UInt8]
    /// A unary method that is begun on the loop, with the request's bytes, borrowed, and answered later by one call of its last
    /// argument, from any thread. It must not wait. `false`: nothing was begun, this time a task has to do it.
    package typealias Deferred =
        @Sendable (UnsafeRawBufferPointer, Caller, @escaping @Sendable (@escaping Answer) -> Void) throws(Failure) ->
        Bool
    /// A streaming method. What it returns is the one answer of client streaming; `nil` ends the stream.
    package typealias Streaming = @Sendable (ServerStream) async throws -> [UInt8]?

    /// Who does the work.
    package enum Handler: Sendable {
        /// Answers with the request's own bytes, on the loop.
        case echo
        /// `fnrpc.v1.Transport/Hello`: about the connection itself.
        case hello
        /// Calls a function.
        case invoke
        /// Calls a function with streamed bodies.
        case invokeStream
        /// Answers on the loop where it can, else as a task.
        case immediate(Immediate, otherwise: Unary)
        /// Is begun on the loop where it can be, else runs as a task.
        case deferred(Deferred, otherwise: Unary)
        /// Runs as a task.
        case unary(Unary)
        /// Runs as a task.
        case streaming(Streaming)
    }

    /// The full name of its service.
    package let service: String
    package let name: String
    package let kind: MethodKind
    package let access: Permission
    package let handler: Handler
    /// Is told of a caller that is known and not allowed: the payload, which nobody has looked at. On a loop, so it
    /// must not wait.
    package let denied: (@Sendable ([UInt8], Caller) -> Void)?
    package let metrics = MethodMetrics()

    package init(
        _ service: String, _ name: String, kind: MethodKind, access: Permission, handler: Handler,
        denied: (@Sendable ([UInt8], Caller) -> Void)? = nil
    ) {
        self.denied = denied
        self.service = service
        self.name = name
        self.kind = kind
        self.access = access
        self.handler = handler
    }
}

/// The daemon's own methods, found by the bytes of their names without allocating. Immutable.
package final class MethodTable: Sendable {
    /// In the order in which they were registered.
    package let methods: [Method]
    /// All calls by service name; they have no method of ours.
    package let routed = Method("", "", kind: .unary, access: .call, handler: .invoke)
    /// The names of the services, sorted.
    package let services: [String]
    private let names: [(service: [UInt8], method: [UInt8])]
    /// Open addressing: indexes into `methods` plus 1; 0 is empty. A power of two, at most a quarter full.
    private let table: [UInt16]

    package init(_ methods: [Method]) {
        self.methods = methods
        services = Set(methods.map(\.service)).sorted()
        names = methods.map { (Array($0.service.utf8), Array($0.name.utf8)) }
        var size = 64
        while size < methods.count * 4 { size *= 2 }
        var table = [UInt16](repeating: 0, count: size)
        for (index, name) in names.enumerated() {
            var place = name.service.withUnsafeBytes { service in name.method.withUnsafeBytes { Self.hash(service, $0) }
            }
            while table[place & (size - 1)] != 0 { place += 1 }
            table[place & (size - 1)] = UInt16(index + 1)
        }
        self.table = table
    }

    /// The method of these names.
    func find(_ service: UnsafeRawBufferPointer, _ method: UnsafeRawBufferPointer) -> Method? {
        var place = Self.hash(service, method)
        while table[place & (table.count - 1)] != 0 {
            let index = Int(table[place & (table.count - 1)]) - 1
            if Self.same(names[index].method, method), Self.same(names[index].service, service) {
                return methods[index]
            }
            place += 1
        }
        return nil
    }

    /// Whether a service name is the daemon's to serve, known or not.
    static func isReserved(_ service: UnsafeRawBufferPointer) -> Bool {
        begins(service, "fnrpc.") || begins(service, "grpc.")
    }

    private static func begins(_ bytes: UnsafeRawBufferPointer, _ prefix: StaticString) -> Bool {
        bytes.count >= prefix.utf8CodeUnitCount
            && equal(UnsafeRawBufferPointer(rebasing: bytes[..<prefix.utf8CodeUnitCount]), prefix)
    }

    private static func same(_ left: [UInt8], _ right: UnsafeRawBufferPointer) -> Bool {
        guard left.count == right.count, let other = right.baseAddress else { return left.isEmpty && right.isEmpty }
        // Byte by byte, two names would cost as much as the whole scan of the request.
        return left.withUnsafeBytes { bytes in bytes.baseAddress.map { memcmp($0, other, bytes.count) == 0 } ?? true }
    }

    /// Never negative.
    private static func hash(_ service: UnsafeRawBufferPointer, _ method: UnsafeRawBufferPointer) -> Int {
        var hash = FNV1a()
        hash.add(service)
        hash.add(0x2F)
        hash.add(method)
        return Int(hash.value >> 33)
    }
}
