import FnrpcClient
import Model
import Synchronization
import Testing
import Wire

/// An archive in memory.
private struct Archive: UploadSource {
    let bytes: [UInt8]
    let digest: Digest
    var byteCount: UInt64 { UInt64(bytes.count) }

    init(count: Int) {
        bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
        digest = Digest(bytes: [UInt8](repeating: 0xAB, count: 32))
    }

    func read(at offset: UInt64, count: Int) throws(Failure) -> [UInt8] {
        Array(bytes[Int(offset)..<Int(offset) + count])
    }
}

/// The daemon's side of an upload, kept over connections.
private final class Packages: Sendable {
    let held = Mutex<[UInt8]>([])
    let chunks = Mutex<Int>(0)

    /// Serves calls; ends the connection without an answer after so many chunks.
    func serve(_ peer: Peer, chunksBeforeLoss: Int = .max) throws {
        var taken = 0
        while true {
            let request = try peer.request()
            #expect(request.service == "fnrpc.v1.Packages")
            switch request.method {
            case "Begin":
                let offset = UInt64(held.withLock { $0.count })
                try peer.reply(request, BeginUploadResponse(uploadID: "u", offset: offset).encoded())
            case "Upload":
                if taken == chunksBeforeLoss { return }
                taken += 1
                let chunk = try UploadChunkRequest(decoding: request.payload, strict: true)
                #expect(chunk.data.count <= 256 << 10)
                let offset = held.withLock { held -> UInt64 in
                    #expect(chunk.offset == UInt64(held.count))
                    held += chunk.data
                    return UInt64(held.count)
                }
                chunks.withLock { $0 += 1 }
                try peer.reply(request, UploadChunkResponse(offset: offset).encoded())
            default:
                try peer.reply(request, CommitUploadResponse(packageDigest: "sha256:done").encoded())
            }
        }
    }
}

@Suite struct UploadTests {
    @Test func goesOnAfterALostConnection() async throws {
        let packages = Packages()
        let server = try FakeServer(
            { try packages.serve($0, chunksBeforeLoss: 2) }, { try packages.serve($0, chunksBeforeLoss: 1) },
            { try packages.serve($0) })
        defer { server.stop() }
        let archive = Archive(count: (256 << 10) * 4 + 5)
        let client = try await Client.connect(to: server.address)
        var steps: [UInt64] = []
        let stored = try await client.upload(archive) { steps.append($0) }
        await client.close()
        #expect(stored.digest == "sha256:done")
        #expect(packages.held.withLock { $0 } == archive.bytes)
        #expect(packages.chunks.withLock { $0 } == 5)
        #expect(steps == steps.sorted() && steps.last == archive.byteCount)
    }

    @Test func givesUpWithoutProgress() async throws {
        let packages = Packages()
        let server = try FakeServer { try packages.serve($0, chunksBeforeLoss: 0) }
        defer { server.stop() }
        let client = try await Client.connect(to: server.address)
        let error = await #expect(throws: ClientError.self) { try await client.upload(Archive(count: 10)) }
        await client.close()
        #expect(error?.code == .unavailable)
    }

    @Test func sendsNothingThatIsStored() async throws {
        let server = try FakeServer { peer in
            try peer.reply(try peer.request(), BeginUploadResponse(packageDigest: "sha256:there").encoded())
            peer.waitForClose()
        }
        defer { server.stop() }
        let client = try await Client.connect(to: server.address)
        let stored = try await client.upload(Archive(count: 100))
        await client.close()
        #expect(stored == UploadedPackage(digest: "sha256:there", sentBytes: 0))
    }

    @Test(arguments: [0, 5, 200] as [UInt64])
    func anOffsetThatMakesNoSenseEndsTheUpload(offset: UInt64) async throws {
        let server = try FakeServer { peer in
            try peer.reply(try peer.request(), BeginUploadResponse(uploadID: "u", offset: 5).encoded())
            try peer.reply(try peer.request(), UploadChunkResponse(offset: offset).encoded())
            peer.waitForClose()
        }
        defer { server.stop() }
        let client = try await Client.connect(to: server.address)
        let error = await #expect(throws: ClientError.self) { try await client.upload(Archive(count: 100)) }
        await client.close()
        #expect(error?.code == .internalError)
    }
}
