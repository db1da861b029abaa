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
        list.add("fnrpc.v1.Reflection", "List", .known) { (_: ListServicesRequest, caller: Caller) in
            ListServicesResponse(services: services(caller))
        }
        list.add("fnrpc.v1.Reflection", "GetFileDescriptorSet", .known) {
            (request: GetFileDescriptorSetRequest, caller: Caller) in
            GetFileDescriptorSetResponse(descriptorSet: try await descriptors(request, caller))
        }
    }

    private func services(_ caller: Caller) -> [ServiceInfo] {
        let own = context.ownServices.withLock { $0 }.map {
            ServiceInfo(service: $0, app: "", function: "", described: true)
        }
        let source = context.catalog.source
        let others = source.allServices().compactMap { service, app, id -> ServiceInfo? in
            guard let function = source.function(id: id)?.function, caller.maySee(function) else { return nil }
            return ServiceInfo(
                service: service, app: app, function: function.name.text,
                described: !function.spec.descriptorSet.isEmpty)
        }
        return own + others
    }

    private func descriptors(_ request: GetFileDescriptorSetRequest, _ caller: Caller) async throws -> [UInt8] {
        if request.service.isEmpty || context.ownServices.withLock({ $0.contains(request.service) }) {
            return Array(UnsafeBufferPointer(start: fnrpc_descriptors(), count: fnrpc_descriptors_size()))
        }
        let app = request.app.isEmpty ? caller.defaultApp : request.app
        let source = context.catalog.source
        let serving = source.servers(of: request.service).filter { app.isEmpty || $0.app == app }
            .compactMap { source.function(id: $0.function)?.function }.filter { caller.maySee($0) }
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
