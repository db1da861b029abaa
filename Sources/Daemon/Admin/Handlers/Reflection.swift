internal import CWire
internal import Calls
internal import Catalog
internal import Glibc
internal import Model
internal import Store
internal import Wire

/// `fnrpc.v1.Reflection`.
struct ReflectionHandler: Sendable {
    /// Bytes of a function's descriptor set.
    static let maxBytes = 256 << 10

    let context: AdminContext

    func register(in list: inout MethodList) {
        list.add("fnrpc.v1.Reflection", "List", .known) { (request: ListServicesRequest, caller: Caller) in
            let grants = caller.principal.grants
            let page = try context.store.services(
                own: Array(context.ownServices.withLock { $0 }), PageRequest(request.page)
            ) { app, function in
                grants.allowsRead || grants.allowsCall(app: app.utf8, function: function.utf8)
            }
            return ListServicesResponse(services: page.items, nextCursor: page.nextCursor)
        }
        list.add("fnrpc.v1.Reflection", "GetFileDescriptorSet", .known) {
            (request: GetFileDescriptorSetRequest, caller: Caller) in
            GetFileDescriptorSetResponse(descriptorSet: try await descriptors(request, caller))
        }
    }

    private func descriptors(_ request: GetFileDescriptorSetRequest, _ caller: Caller) async throws -> [UInt8] {
        if request.service.isEmpty || context.ownServices.withLock({ $0.contains(request.service) }) {
            return Array(UnsafeBufferPointer(start: fnrpc_descriptors(), count: fnrpc_descriptors_size()))
        }
        let app = request.app.isEmpty ? caller.defaultApp : request.app
        let source = context.catalog.source
        let serving = source.servers(of: request.service)
            .compactMap { source.function(id: $0.function).contents?.function }
            .filter { app.isEmpty || [$0.appName.text, $0.appID.description].contains(app) }
            .filter { caller.maySee($0) }
        guard let found = serving.first else {
            throw Failure(.notFound, "service \(quoted(request.service)) not found; see fnrpc rpc list")
        }
        guard serving.count == 1 else {
            let apps = serving.map(\.appName.text).joined(separator: ", ")
            throw Failure(.precondition, "app: missing; service \(quoted(request.service)) is in the apps \(apps)")
        }
        let file = found.spec.descriptorSet
        guard !file.isEmpty else {
            throw Failure(
                .notFound,
                "function \(quoted("\(found.appName)/\(found.name)")) gives no description of \(quoted(request.service)); "
                    + "set descriptor_set in func.yaml")
        }
        return try await context.blocking { () throws(Failure) in try read(file, of: found) }
    }

    /// Blocking. The package is as the daemon unpacked it: its links stay inside, and nobody writes there.
    private func read(_ file: String, of function: Function) throws(Failure) -> [UInt8] {
        guard let package = function.package, let folder = try context.packages.path(of: package) else {
            throw Failure(
                .internalError, "the package of \(function.appName)/\(function.name) is not in the data directory")
        }
        let path = folder + "/" + file
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW)
        guard descriptor >= 0 else {
            throw Failure(.notFound, "descriptor_set: \(quoted(file)) is not a file of the package")
        }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: Self.maxBytes + 1)
        var count = 0
        while count < bytes.count {
            let got = bytes.withUnsafeMutableBytes {
                Glibc.read(descriptor, $0.baseAddress.map { $0 + count }, $0.count - count)
            }
            if got < 0 && errno == EINTR { continue }
            guard got >= 0 else {
                throw Failure(.internalError, "descriptor_set: \(quoted(file)): \(String(cString: strerror(errno)))")
            }
            if got == 0 { break }
            count += got
        }
        guard count <= Self.maxBytes else {
            throw Failure(.tooLarge, "descriptor_set: \(quoted(file)) is over the limit of \(Self.maxBytes) bytes")
        }
        return Array(bytes[..<count])
    }
}
