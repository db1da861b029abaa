import Glibc
import Model

/// A line that a person types at the terminal of standard input, and nobody sees.
enum HiddenInput {
    /// Asks on standard error and reads the line.
    ///
    /// - Returns: its bytes without the line end.
    static func line(prompt: String, limit: Int) async throws(Failure) -> [UInt8] {
        var settings = termios()
        guard tcgetattr(STDIN_FILENO, &settings) == 0 else {
            throw Failure(.internalError, "the terminal cannot be asked; give the value by --file")
        }
        Interruption.shared.setTerminal(settings)
        defer { Interruption.shared.setTerminal(nil) }
        var hidden = settings
        hidden.c_lflag &= ~tcflag_t(ECHO)
        hidden.c_lflag |= tcflag_t(ECHONL)
        // What was typed ahead was seen, so it is no secret.
        guard tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden) == 0 else {
            throw Failure(.internalError, "the terminal shows what is typed; give the value by --file")
        }
        defer { tcsetattr(STDIN_FILENO, TCSAFLUSH, &settings) }
        try? Terminal.write(Terminal.harmless(prompt), to: STDERR_FILENO)
        let reader = try InputReader()
        var bytes: [UInt8] = []
        while bytes.count <= limit, let piece = try await reader.next() {
            bytes += piece
            if let end = bytes.firstIndex(of: UInt8(ascii: "\n")) { return Array(bytes[..<end]) }
        }
        return bytes
    }
}
