internal import Calls
internal import Model
internal import Store
internal import Wire

/// `Download` of `fnrpc.v1.Functions` and `fnrpc.v1.Versions`: packages as they are stored, byte for byte. They
/// are code, which may be more than who may look at everything is to see: they need the scope `admin`.
struct DownloadsHandler: Sendable {
    let context: AdminContext

    func register(in list: inout MethodList) {
        let store = context.store
        list.add(
            "fnrpc.v1.Functions", "Download", .serverStreaming, .admin,
            .streaming { stream in
                let request = try GetFunctionRequest(decoding: stream.request, strict: true)
                return try await send(stream) { () throws(Failure) in
                    let function: Function = try store.entity { (tables) throws(Failure) in
                        try tables.function(request.app, request.function)
                    }
                    return try Self.package(function.package, of: "function \(function.appName)/\(function.name)")
                }
            })
        list.add(
            "fnrpc.v1.Versions", "Download", .serverStreaming, .admin,
            .streaming { stream in
                let request = try GetVersionRequest(decoding: stream.request, strict: true)
                return try await send(stream) { () throws(Failure) in
                    let version: Version = try store.entity { (tables) throws(Failure) in
                        try tables.version(request.number, of: try tables.function(request.app, request.function))
                    }
                    return try Self.package(
                        version.package, of: "version \(version.number) of \(request.app)/\(request.function)")
                }
            })
    }

    private static func package(_ package: Digest?, of name: String) throws(Failure) -> Digest {
        guard let package else {
            throw Failure(.precondition, "\(name) runs an image; it has no package that could be downloaded")
        }
        return package
    }

    private func send(
        _ stream: ServerStream, _ find: @escaping @Sendable () throws(Failure) -> Digest
    ) async throws -> [UInt8]? {
        let file = try await open(find)
        let count = PackageStore.Limits.chunkBytes
        var offset: UInt64 = 0
        repeat {
            // Nothing is read for a caller who does not take it.
            try await stream.room()
            let start = offset
            let piece = try await context.blocking { () throws(Failure) in try file.read(at: start, count: count) }
            let isFirst = offset == 0
            offset += UInt64(piece.count)
            try await stream.send(
                PackageChunk(
                    data: piece, packageDigest: isFirst ? file.digest.description : "",
                    packageBytes: isFirst ? file.bytes : 0
                ).encoded())
        } while offset < file.bytes
        return nil
    }

    /// Opens what is to be sent. It may be replaced and removed after it was found; then it is looked for once more.
    private func open(_ find: @escaping @Sendable () throws(Failure) -> Digest) async throws -> PackageFile {
        var missing: Digest?
        while true {
            let digest = try find()
            let file = try await context.blocking { () throws(Failure) in try context.packages.file(of: digest) }
            if let file { return file }
            guard digest != missing else {
                throw Failure(
                    .internalError, "package \(digest) is not in the data directory; deploy the function again")
            }
            missing = digest
        }
    }
}
