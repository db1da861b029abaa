import CProtobufC
import Model

@testable import Wire

/// Every message that a caller can send to the daemon. The first byte of the input chooses one; new ones go to the end, so
/// that the corpus keeps its meaning.
private let checks: [Check] = [
    checking(BeginUploadRequest.self), checking(CommitUploadRequest.self), checking(CreateAppRequest.self),
    checking(DeployRequest.self), checking(GetAppRequest.self), checking(GetCallLogsRequest.self),
    checking(GetCallRequest.self), checking(GetFunctionRequest.self), checking(GetVersionRequest.self),
    checking(HealthCheckRequest.self), checking(HelloRequest.self), checking(ListAppsRequest.self),
    checking(ListCallsRequest.self), checking(ListFunctionsRequest.self), checking(ListVersionsRequest.self),
    checking(SystemInfoRequest.self), checking(UploadChunkRequest.self), checking(CancelRequest.self),
    checking(CloseConnectionRequest.self), checking(CreateTokenRequest.self), checking(GenerateRequest.self),
    checking(GetFileDescriptorSetRequest.self), checking(HealthListRequest.self),
    checking(ListConnectionsRequest.self), checking(ListServicesRequest.self), checking(ListTokensRequest.self),
    checking(RevokeTokenRequest.self),
]

private typealias Check = @Sendable (UnsafeRawBufferPointer) throws(PropertyFailure) -> Void

private func checking<M: WireMessage>(_ type: M.Type) -> Check {
    { (bytes: UnsafeRawBufferPointer) throws(PropertyFailure) in try check(type, bytes) }
}

func checkMessages(_ bytes: UnsafeRawBufferPointer) throws(PropertyFailure) {
    guard let choice = bytes.first else { return }
    try checks[Int(choice) % checks.count](UnsafeRawBufferPointer(rebasing: bytes.dropFirst()))
}

/// What decodes, encodes, and then decodes to the same.
private func check<M: WireMessage>(_ type: M.Type, _ bytes: UnsafeRawBufferPointer) throws(PropertyFailure) {
    try starve(type, bytes)
    _ = try? M(decoding: bytes, strict: false)
    guard let message = try? M(decoding: bytes, strict: true) else { return }
    let encoded = message.encoded()
    let copy: M
    do throws(Failure) { copy = try M(decoding: encoded, strict: true) } catch {
        throw PropertyFailure("\(type): what we encode does not decode: \(error.message)")
    }
    try require(copy.encoded() == encoded, "\(type): encoded twice, it differs")
}

/// Lets the allocation fail at every step: with any quota a message is refused or read in full, and the first quota that
/// suffices is no more than the message takes.
private func starve<M: WireMessage>(_ type: M.Type, _ bytes: UnsafeRawBufferPointer) throws(PropertyFailure) {
    let probe = UnsafeMutablePointer<M.Raw>.allocate(capacity: 1)
    defer { probe.deallocate() }
    M.initialize(probe)
    let base = UnsafeMutableRawPointer(probe).assumingMemoryBound(to: ProtobufCMessage.self)
    guard let descriptor = base.pointee.descriptor else { throw PropertyFailure("\(type): no descriptor") }
    // As in `init(decoding:)`: only what has passed the check is ever unpacked and read.
    guard (try? MessageCheck(strict: false).check(bytes, descriptor, path: "")) != nil else { return }
    // Long messages: larger steps, or one input would take seconds.
    let step = max(16, (bytes.count / 64 + 15) & ~15)
    var quota = 0
    while quota <= MemoryQuota.request {
        let arena = Arena(quota: quota)
        if let raw = arena.unpack(bytes, descriptor) {
            _ = try? M(raw.assumingMemoryBound(to: M.Raw.self).pointee)
            return
        }
        // Small steps first, where every single allocation fails once; then up to the real quota.
        quota += quota < 256 * step ? step : quota
    }
}
