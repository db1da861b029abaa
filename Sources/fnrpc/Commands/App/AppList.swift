import ArgumentParser
import FnrpcClient
import Glibc
import Model
import Wire

/// `fnrpc app list`.
struct AppList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists the apps by name.", discussion: "Example: fnrpc app list --output json")

    @OptionGroup var filter: FilterOptions
    @OptionGroup var limit: LimitOptions
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let apps = try await connection.withClient { client in
            try await everyPage(limit: limit.most) { page in
                let answer: ListAppsResponse = try await client.call(
                    "fnrpc.v1.Apps", "List", ListAppsRequest(page: page, filter: filter.filter),
                    timeout: CommandLimits.answer)
                return (answer.apps, answer.nextCursor)
            }
        }
        switch output.output {
        case .json: try JSON.object(["apps": .array(apps.map { JSON($0) })]).print()
        case .table:
            var table = Table("NAME", "CREATED", "ID")
            table.rows = apps.map { [$0.name.text, Shown.time($0.meta.createdAt), $0.meta.id.description] }
            try Terminal.write(table.text, to: STDOUT_FILENO)
        }
    }
}

/// All items of a list, page by page.
///
/// - Parameter limit: most items.
func everyPage<T>(
    limit: Int = .max, _ fetch: (Page) async throws -> (items: [T], next: String)
) async throws -> [T] {
    var items: [T] = []
    var cursor = ""
    repeat {
        let size = UInt32(min(Int(CommandLimits.page), limit - items.count))
        let page = try await fetch(Page(cursor: cursor, size: size))
        items += page.items
        // A daemon that repeats itself must not keep us for ever.
        guard page.next != cursor else { break }
        cursor = page.next
    } while !cursor.isEmpty && items.count < limit
    return Array(items.prefix(limit))
}
