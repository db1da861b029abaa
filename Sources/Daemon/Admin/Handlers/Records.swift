internal import Calls
internal import Model
internal import Store
internal import Wire

/// `fnrpc.v1.Calls`.
struct CallsHandler: Sendable {
    let context: AdminContext

    func register(in list: inout MethodList) {
        // A caller that has its answer finds the record: what waits is written first.
        list.add("fnrpc.v1.Calls", "List", .read) { (request: ListCallsRequest, _: Caller) in
            await context.recorder.flush()
            let page = try await context.store.calls(request)
            return ListCallsResponse(calls: page.items, nextCursor: page.nextCursor)
        }
        list.add("fnrpc.v1.Calls", "Get", .read) { (request: GetCallRequest, _: Caller) in
            await context.recorder.flush()
            return try await context.store.call(request.id)
        }
        list.add("fnrpc.v1.Calls", "Logs", .read) { (request: GetCallLogsRequest, _: Caller) in
            await context.recorder.flush()
            return try await context.store.callLog(request.id)
        }
        list.add("fnrpc.v1.Calls", "Spec", .read) { (request: GetCallSpecRequest, _: Caller) in
            await context.recorder.flush()
            return try await context.store.callSpec(request.id)
        }
        list.add("fnrpc.v1.Calls", "Input", .read) { (request: GetCallInputRequest, _: Caller) in
            await context.recorder.flush()
            return try await context.store.callInput(request.id)
        }
        list.add("fnrpc.v1.Calls", "FollowLogs", .serverStreaming, .read, .streaming { try await follow($0) })
    }

    private func follow(_ stream: ServerStream) async throws -> [UInt8]? {
        let request = try FollowLogsRequest(decoding: stream.request, strict: true)
        func function() throws(Failure) -> Identifier {
            try context.store.read { (tables) throws(Failure) in
                try tables.function(request.app, request.function).id
            }
        }
        let followers = context.dispatcher.followers
        let reader = try followers.follow(try function())
        defer { followers.leave(reader) }
        // It may have been deleted before its end could be told to this reader.
        _ = try function()
        // Its reader knows by this that it follows now.
        try await stream.send(LogPiece(at: Timestamp.now().nanoseconds).encoded())
        while true {
            let pieces = await reader.next()
            if pieces.isEmpty { break }
            for piece in pieces { try await stream.send(piece.encoded()) }
        }
        try Task.checkCancellation()
        throw Failure(.notFound, "function \(quoted(request.app + "/" + request.function)) was deleted")
    }
}
