import Dispatch
import Glibc
import Model

/// Reads a descriptor piece by piece without holding up a task's thread, and can be stopped while it waits.
///
/// Thread-safe; one task reads.
final class InputReader: Sendable {
    /// Bytes of a piece; the protocol's chunk.
    static let pieceBytes = 256 << 10

    private let descriptor: Int32
    private let name: String
    private let isOwned: Bool
    private let wakeRead: Int32
    private let wakeWrite: Int32
    private let queue = DispatchQueue(label: "fnrpc.input")

    /// Standard input.
    convenience init() throws(Failure) {
        try self.init(descriptor: STDIN_FILENO, name: "standard input", isOwned: false)
    }

    /// A file.
    ///
    /// - Parameter option: how errors call the option that named it.
    convenience init(file: String, option: String) throws(Failure) {
        let descriptor = open(file, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw Failure(
                .invalid, "\(option) \(file): \(String(cString: strerror(errno))); name a file that can be read")
        }
        try self.init(descriptor: descriptor, name: file, isOwned: true)
    }

    /// - Parameter isOwned: whether it is closed at the end.
    init(descriptor: Int32, name: String, isOwned: Bool) throws(Failure) {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else {
            if isOwned { close(descriptor) }
            throw Failure(.internalError, "\(name): \(String(cString: strerror(errno)))")
        }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        (wakeRead, wakeWrite) = (ends[0], ends[1])
        self.descriptor = descriptor
        self.name = name
        self.isOwned = isOwned
    }

    deinit {
        close(wakeRead)
        close(wakeWrite)
        if isOwned { close(descriptor) }
    }

    /// The next piece, as soon as there is any; `nil`: the end, or ``stop()``.
    func next() async throws(Failure) -> [UInt8]? {
        let result = await withCheckedContinuation { continuation in
            queue.async { continuation.resume(returning: self.read()) }
        }
        return try result.get()
    }

    /// Ends the reading, also one that waits now.
    func stop() {
        _ = write(wakeWrite, [0], 1)
    }

    private func read() -> Result<[UInt8]?, Failure> {
        while true {
            var waits = [
                pollfd(fd: wakeRead, events: Int16(POLLIN), revents: 0),
                pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
            ]
            guard poll(&waits, 2, -1) >= 0 || errno == EINTR else { return .failure(failure) }
            if waits[0].revents != 0 { return .success(nil) }
            if waits[1].revents == 0 { continue }
            var count = 0
            let bytes = [UInt8](unsafeUninitializedCapacity: Self.pieceBytes) { buffer, filled in
                count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
                filled = max(count, 0)
            }
            if count < 0 && (errno == EINTR || errno == EAGAIN) { continue }
            guard count >= 0 else { return .failure(failure) }
            return .success(count == 0 ? nil : bytes)
        }
    }

    private var failure: Failure {
        Failure(.invalid, "\(name): \(String(cString: strerror(errno))); name a file that can be read")
    }
}

/// What a `-d` means: the data itself, `@FILE`, or `-` for standard input.
enum InputSource {
    case bytes([UInt8])
    case reader(InputReader)

    init(_ text: String) throws(Failure) {
        if text == "-" {
            self = .reader(try InputReader())
        } else if text.hasPrefix("@") {
            self = .reader(try InputReader(file: String(text.dropFirst()), option: "-d"))
        } else {
            self = .bytes(Array(text.utf8))
        }
    }

    /// Takes the next piece; `nil`: the end.
    mutating func next() async throws(Failure) -> [UInt8]? {
        switch self {
        case .reader(let reader): return try await reader.next()
        case .bytes(let bytes):
            self = .bytes([])
            return bytes.isEmpty ? nil : bytes
        }
    }

    /// Ends a reading that waits.
    func stop() {
        if case .reader(let reader) = self { reader.stop() }
    }
}
