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
    }
}
