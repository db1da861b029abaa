import Model
import Store
import Wire

extension Store {
    func calls(app: String, function: String, _ request: ListRequest) async throws(Failure) -> ListPage<CallRecord> {
        try await calls(
            ListCallsRequest(
                app: app, function: function, page: Page(cursor: request.page.cursor, size: request.page.size),
                filter: request.filter))
    }
}
