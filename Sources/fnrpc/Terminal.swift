import Glibc
import Model

/// Standard output and error, byte for byte.
enum Terminal {
    /// Whoever read our output has gone: nothing to say, nobody to say it to.
    struct OutputClosed: Error {}

    /// Writes all bytes.
    static func write(_ bytes: [UInt8], to descriptor: Int32) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else {
                if errno == EPIPE { throw OutputClosed() }
                throw Failure(
                    .internalError, "cannot write to descriptor \(descriptor): \(String(cString: strerror(errno)))")
            }
            rest = rest.dropFirst(count)
        }
    }

    /// Writes text.
    static func write(_ text: String, to descriptor: Int32) throws {
        try write(Array(text.utf8), to: descriptor)
    }

    /// A line on standard output.
    static func print(_ line: String) throws {
        try write(line + "\n", to: STDOUT_FILENO)
    }

    /// A line on standard error; if even that fails there is nothing left to do.
    static func complain(_ sentence: String) {
        try? write("fnrpc: \(harmless(sentence))\n", to: STDERR_FILENO)
    }

    /// A warning on standard error.
    static func warn(_ sentence: String) {
        try? write("warning: \(harmless(sentence))\n", to: STDERR_FILENO)
    }

    /// Whether a person looks at it.
    static func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }

    /// Text from elsewhere, on one line, without what could drive a terminal.
    static func harmless(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            result.append(scalar.isControl ? " " : scalar)
        }
        return String(result)
    }
}

/// One line on standard error that is written over; silent if nobody looks.
struct ProgressLine {
    private let isShown = Terminal.isTerminal(STDERR_FILENO)
    private var isOpen = false

    /// Replaces the line.
    mutating func show(_ text: String) {
        guard isShown else { return }
        isOpen = true
        try? Terminal.write("\r\u{1B}[K" + Terminal.harmless(text), to: STDERR_FILENO)
    }

    /// Removes the line.
    mutating func end() {
        guard isOpen else { return }
        isOpen = false
        try? Terminal.write("\r\u{1B}[K", to: STDERR_FILENO)
    }
}
