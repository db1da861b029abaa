import ArgumentParser
import FnrpcClient
import Glibc
import Wire

/// `fnrpc system raw`.
struct SystemRaw: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "raw", abstract: "Shows an entity as it is stored, also one that the daemon does not understand.",
        discussion: "Example: fnrpc system raw function 01JD5V7Q3M0K8T2W4X6Y9Z1ABC")

    @Argument(help: "The kind of entity, such as app.")
    var kind: String

    @Argument(help: "The entity's id.")
    var id: String

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let raw: RawEntity = try await connection.withClient { client in
            let request = GetRawRequest(kind: kind, id: id)
            return try await client.call("fnrpc.v1.Entities", "GetRaw", request, timeout: CommandLimits.answer)
        }
        switch output.output {
        case .json: try JSON(raw).print()
        case .table:
            let text = Table.pairs([
                ("kind", raw.kind), ("id", raw.id), ("parent", raw.parentID), ("name", raw.name),
                ("api version", "\(raw.apiVersion)"), ("revision", "\(raw.revision)"),
                ("created", Shown.time(raw.createdAt)), ("updated", Shown.time(raw.updatedAt)),
                ("body", "\(raw.body.count) bytes"),
            ])
            try Terminal.write(text + HexDump.text(raw.body), to: STDOUT_FILENO)
        }
    }
}

/// Bytes for people.
enum HexDump {
    /// Bytes of a line.
    private static let width = 16

    /// Lines of offset, bytes, and what of them is printable ASCII.
    static func text(_ bytes: [UInt8]) -> String {
        stride(from: 0, to: bytes.count, by: width).map { offset in
            let line = bytes[offset..<min(offset + width, bytes.count)]
            let digits = line.map { hex(Int($0), 2) } + Array(repeating: "  ", count: width - line.count)
            let shown = String(
                decoding: line.map { (0x20...0x7E).contains($0) ? $0 : UInt8(ascii: ".") }, as: UTF8.self)
            return "\(hex(offset, 8))  \(digits.joined(separator: " "))  \(shown)\n"
        }.joined()
    }

    private static func hex(_ number: Int, _ width: Int) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: max(width - digits.count, 0)) + digits
    }
}
