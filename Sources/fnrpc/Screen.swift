import Glibc

/// The whole terminal of standard output, until ``close()``; also a signal puts it back as it was.
struct Screen {
    /// The other screen, without a cursor; and back.
    private static let enter = "\u{1B}[?1049h\u{1B}[?25l"
    private static let leave = "\u{1B}[?25h\u{1B}[?1049l"

    /// How standard input was, if it is a terminal.
    private let settings: termios?

    /// Takes the terminal over: keys come at once and are not shown.
    init() throws {
        var settings = termios()
        let isTerminal = tcgetattr(STDIN_FILENO, &settings) == 0
        self.settings = isTerminal ? settings : nil
        // First, so that a signal in between puts back what was changed.
        Interruption.shared.setTerminal(self.settings)
        Interruption.shared.setScreen(Array(Self.leave.utf8))
        if isTerminal {
            settings.c_lflag &= ~tcflag_t(ICANON | ECHO)
            // Whoever stops or quits it would get the wrong screen; 0 is no key.
            withUnsafeMutableBytes(of: &settings.c_cc) { keys in
                for key in [VSUSP, VQUIT] { keys[Int(key)] = 0 }
            }
            tcsetattr(STDIN_FILENO, TCSANOW, &settings)
        }
        do { try Terminal.write(Self.enter, to: STDOUT_FILENO) } catch {
            close()
            throw error
        }
    }

    /// Puts everything back; once.
    func close() {
        try? Terminal.write(Self.leave, to: STDOUT_FILENO)
        if var settings { tcsetattr(STDIN_FILENO, TCSANOW, &settings) }
        Interruption.shared.setScreen([])
        Interruption.shared.setTerminal(nil)
    }

    /// Columns and lines; 80 and 24 if the terminal does not say.
    var size: (width: Int, height: Int) {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else {
            return (80, 24)
        }
        return (Int(size.ws_col), Int(size.ws_row))
    }

    /// Shows these lines and nothing else; what is too wide or too long for the terminal is cut.
    func show(_ lines: [String]) throws {
        guard !Interruption.shared.isEnding else { return }
        let (width, height) = size
        let shown = lines.prefix(height).map { Terminal.harmless(String($0.prefix(width))) + "\u{1B}[K" }
        try Terminal.write("\u{1B}[H" + shown.joined(separator: "\r\n") + "\u{1B}[J", to: STDOUT_FILENO)
    }
}
