internal import Calls
internal import Model
internal import Store
internal import Wire

// Methods that read the store or change it: what they have in common.
extension MethodList {
    /// Adds a method that reads one entity; answered on the loop, from memory.
    mutating func addGet<Request: WireMessage>(
        _ service: String, _ access: Permission = .read,
        _ find: @escaping @Sendable (Request, borrowing Tables) throws(Failure) -> Row
    ) {
        let store = context.store
        @Sendable func read(_ payload: UnsafeRawBufferPointer) throws(Failure) -> [UInt8] {
            let request = try Request(decoding: payload, strict: true)
            return try store.message { (tables) throws(Failure) in try find(request, tables) }
        }
        add(
            service, "Get", .unary, access,
            .immediate(
                { (payload) throws(Failure) in try read(payload) },
                otherwise: { payload, _ in
                    try payload.withUnsafeBytes { bytes in Result { () throws(Failure) in try read(bytes) } }.get()
                }))
    }

    /// Adds a method that lists entities: field 1 of the answer has them, field 2 the next cursor.
    mutating func addList<Request: WireMessage>(
        _ service: String, _ access: Permission = .read,
        _ read: @escaping @Sendable (Request) throws(Failure) -> ListPage<[UInt8]>
    ) {
        add(
            service, "List", .unary, access,
            .unary { payload, _ in ListAnswer(try read(try Request(decoding: payload, strict: true))).encoded() })
    }

    /// Adds a method that is one operation of the store: begun on the loop, and answered there when it is durable.
    mutating func addOperation<Request: WireMessage, Response: WireMessage>(
        _ service: String, _ name: String, target: @escaping @Sendable (Request) -> Target,
        _ run: @escaping @Sendable (Request, Transaction) throws(Failure) -> Response
    ) {
        let store = context.store
        let change = AuditedChange(context.audit, service, name, target)
        let begin: Method.Deferred = { (payload, caller, answer) throws(Failure) in
            guard !store.asksBeforeChanges else { return false }
            let request = try change.read(payload, caller)
            store.begin(ChangeContext(caller)) { (transaction) throws(Failure) in
                try run(request, transaction)
            } then: { result in
                // The disk is for this thread to wait for.
                change.record(request, caller, result.failure?.code)
                answer { () throws(Failure) in
                    defer { Request.wipe(request, []) }
                    return try result.get().encoded()
                }
            }
            return true
        }
        let otherwise: Method.Unary = { payload, caller in
            try await change.run(payload, caller) { request, caller in
                try await store.change(ChangeContext(caller)) { (transaction) throws(Failure) in
                    try run(request, transaction)
                }
            }
        }
        add(
            service, name, .unary, .admin, .deferred(begin, otherwise: otherwise),
            denied: { change.denied($0, $1) })
    }
}

extension Result where Failure == Model.Failure {
    /// Why there is nothing.
    var failure: Failure? { if case .failure(let failure) = self { failure } else { nil } }
}

extension ChangeContext {
    /// Of a request.
    init(_ caller: Caller) {
        self.init(now: .now(), apiVersion: caller.apiVersionIsExplicit ? caller.apiVersion : nil)
    }
}

extension ListRequest {
    /// The page that a message asks for.
    init(_ page: Wire.Page, _ filter: String) {
        self.init(page: PageRequest(page), filter: filter)
    }
}

/// A page of messages that are encoded already.
struct ListAnswer {
    let page: ListPage<[UInt8]>

    init(_ page: ListPage<[UInt8]>) {
        self.page = page
    }

    func encoded() -> [UInt8] {
        var cursor = page.nextCursor
        return cursor.withUTF8 { cursor in
            var size = page.items.reduce(0) { $0 + FieldSize.field(1, length: $1.count) }
            if cursor.count > 0 { size += FieldSize.field(2, length: cursor.count) }
            guard size > 0 else { return [] }
            return [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
                var writer = FieldWriter(UnsafeMutableRawBufferPointer(buffer).prefix(size).rebased)
                for item in page.items { item.withUnsafeBytes { writer.field(1, bytes: $0) } }
                if cursor.count > 0 { writer.field(2, bytes: UnsafeRawBufferPointer(cursor)) }
                count = size
            }
        }
    }
}
