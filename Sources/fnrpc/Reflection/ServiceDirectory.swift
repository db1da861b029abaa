import FnrpcClient
import Foundation
import Glibc
import Model
import Wire

/// A method as the command line names it: `pkg.Service/Method` or `pkg.Service.Method`.
struct MethodReference: Equatable {
    let service: String
    let method: String

    init(_ text: String) throws(Failure) {
        let separator: Character = text.contains("/") ? "/" : "."
        guard let position = text.lastIndex(of: separator) else {
            throw Failure(.invalid, "\(quoted(text)) is not a method; write SERVICE/METHOD")
        }
        service = String(text[..<position].drop { $0 == "/" })
        method = String(text[text.index(after: position)...])
        guard !service.isEmpty, !method.isEmpty, !service.contains("/") else {
            throw Failure(.invalid, "\(quoted(text)) is not a method; write SERVICE/METHOD")
        }
    }
}

/// Where descriptors come from: a file, or the daemon's reflection.
enum ServiceDirectory {
    /// The file of `--protoset`.
    static func load(_ file: String) throws(Failure) -> DescriptorSet {
        var info = stat()
        guard stat(file, &info) == 0 else {
            throw Failure(.invalid, "--protoset \(file): \(String(cString: strerror(errno)))")
        }
        guard info.st_size <= DescriptorSet.maxBytes, let data = FileManager.default.contents(atPath: file) else {
            throw Failure(
                .invalid, "--protoset \(file): cannot be read, or is over the limit of \(DescriptorSet.maxBytes) bytes")
        }
        return try DescriptorSet(Array(data), source: "--protoset \(file)")
    }

    /// What the daemon knows about a service.
    static func fetch(_ service: String, app: String?, _ client: Client) async throws -> DescriptorSet {
        // All that is the daemon's own is in one set, which has no name.
        let isOwn = FunctionSpec.reservedServices.contains { service.hasPrefix($0) }
        let request = GetFileDescriptorSetRequest(service: isOwn ? "" : service, app: isOwn ? "" : app ?? "")
        let answer: GetFileDescriptorSetResponse = try await client.call(
            "fnrpc.v1.Reflection", "GetFileDescriptorSet", request, timeout: CommandLimits.answer)
        return try DescriptorSet(answer.descriptorSet, source: "the descriptors of \(service)")
    }

    /// The services that the caller may see.
    static func list(_ client: Client) async throws -> [ServiceInfo] {
        try await everyPage { page in
            let answer: ListServicesResponse = try await client.call(
                "fnrpc.v1.Reflection", "List", ListServicesRequest(page: page), timeout: CommandLimits.answer)
            return (answer.services, answer.nextCursor)
        }
    }

    /// A service of a set.
    static func service(_ name: String, in set: DescriptorSet) throws(Failure) -> ServiceDescriptor {
        guard let service = set.services[name] else {
            let known = set.services.keys.sorted().joined(separator: ", ")
            throw Failure(
                .notFound,
                "the service \(quoted(name)) is not described\(known.isEmpty ? "" : "; described are: \(known)")")
        }
        return service
    }

    /// A method of a set.
    static func method(_ reference: MethodReference, in set: DescriptorSet) throws(Failure) -> MethodDescriptor {
        let service = try service(reference.service, in: set)
        guard let method = service.methods.first(where: { $0.name == reference.method }) else {
            let known = service.methods.map(\.name).joined(separator: ", ")
            throw Failure(
                .notFound, "\(reference.service) has no method \(quoted(reference.method)); it has \(known)")
        }
        return method
    }
}
