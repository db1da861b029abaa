import Foundation
import Testing

@testable import fnrpc

/// A terminal that a process is given, and what is seen on it. Used by one test.
final class PseudoTerminal {
    private let screen: Int32
    private let device: Int32
    /// What has come so far.
    private(set) var output = ""

    init(columns: UInt16, lines: UInt16) throws {
        var (screen, device): (Int32, Int32) = (-1, -1)
        try #require(openpty(&screen, &device, nil, nil, nil) == 0)
        // Whoever is started gets the device and nothing else.
        for end in [screen, device] { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        (self.screen, self.device) = (screen, device)
        try resize(columns: columns, lines: lines)
    }

    deinit {
        close(screen)
        close(device)
    }

    func resize(columns: UInt16, lines: UInt16) throws {
        var size = winsize(ws_row: lines, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
        try #require(ioctl(screen, UInt(TIOCSWINSZ), &size) == 0)
    }

    /// How keys are treated now: echoed, a line at a time, and which ones are signals.
    func settings() throws -> [UInt32] {
        var settings = termios()
        try #require(tcgetattr(device, &settings) == 0)
        let keys = withUnsafeBytes(of: settings.c_cc) { $0.map(UInt32.init) }
        return [settings.c_iflag, settings.c_oflag, settings.c_cflag, settings.c_lflag] + keys
    }

    /// Starts the command with this terminal as standard input and output.
    func start(_ arguments: [String], errors: Pipe? = nil) throws -> Process {
        let process = FnrpcProcess.make(arguments)
        process.standardInput = FileHandle(fileDescriptor: device)
        process.standardOutput = FileHandle(fileDescriptor: device)
        process.standardError = errors ?? FileHandle(fileDescriptor: device)
        try process.run()
        return process
    }

    func type(_ text: String) { _ = write(screen, text, text.utf8.count) }

    /// Reads until the text has come.
    func wait(for text: String) throws {
        while !output.contains(text) {
            var waiting = pollfd(fd: screen, events: Int16(POLLIN), revents: 0)
            try #require(poll(&waiting, 1, 20_000) > 0, "\(text.debugDescription) in \(output.debugDescription)")
            var buffer = [UInt8](repeating: 0, count: 65_536)
            let count = read(screen, &buffer, buffer.count)
            try #require(count > 0)
            output += String(decoding: buffer[..<count], as: UTF8.self)
        }
    }

    /// What has come since the last time, up to the text.
    func take(until text: String) throws -> String {
        try wait(for: text)
        let end = try #require(output.range(of: text)).upperBound
        defer { output = String(output[end...]) }
        return String(output[..<end])
    }
}
