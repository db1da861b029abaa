import Model

/// The records between the daemon and `fnrpc-init`; `Sources/Sandbox/control.h` describes the layout.
package enum ControlRecord {
    /// Every number of the layout; each has the name of its macro in `control.h`, without `FNRPC_CONTROL_`.
    package enum Layout {
        package static let version: UInt16 = 1
        package static let headerSize = 8
        /// Longest record, bytes; bounds arguments and environment together.
        package static let maxSize = 196_608
        package static let assign: UInt16 = 1
        package static let tie: UInt16 = 2
        package static let ready: UInt16 = 16
        package static let started: UInt16 = 17
        package static let execFailed: UInt16 = 18
        package static let exited: UInt16 = 19
        package static let readySize = 8
        package static let startedSize = 12
        package static let execFailedSize = 12
        package static let exitedSize = 48
        package static let assignArguments = 8
        package static let assignEnvironment = 12
        package static let assignStrings = 16
        package static let exitedCode = 8
        package static let exitedSignal = 12
        package static let exitedUser = 16
        package static let exitedSystem = 24
        package static let exitedMaxRSS = 32
        package static let exitedWall = 40
    }

    /// Most words of arguments and environment together; fnrpc-init has room for no more.
    package static let maxWords = 16_384
    /// Most bytes of one word: the kernel's MAX_ARG_STRLEN, with its NUL.
    package static let maxWordBytes = 131_071

    /// The TIE record.
    package static var tie: [UInt8] { header(Layout.tie, size: Layout.headerSize) }

    /// The ASSIGN record.
    ///
    /// - Throws: `invalid` for an empty command, a NUL, a relative folder, or anything over its limit.
    package static func assign(_ assignment: Assignment) throws(Failure) -> [UInt8] {
        guard !assignment.arguments.isEmpty else { throw Failure(.invalid, "command: it has no words") }
        guard assignment.workingDirectory.hasPrefix("/") else {
            throw Failure(.invalid, "working directory: \(quoted(assignment.workingDirectory)) is not absolute")
        }
        let words = assignment.arguments + assignment.environment
        guard words.count <= maxWords else {
            throw Failure(
                .invalid, "command and environment: \(words.count) words are over the limit of \(maxWords)")
        }
        var body: [UInt8] = []
        for word in [assignment.workingDirectory] + words {
            guard !word.utf8.contains(0) else {
                throw Failure(.invalid, "command and environment: \(quoted(word)) contains a NUL character")
            }
            guard word.utf8.count <= maxWordBytes else {
                throw Failure(
                    .invalid,
                    "command and environment: a word of \(word.utf8.count) bytes is over the limit of \(maxWordBytes)")
            }
            body.append(contentsOf: word.utf8)
            body.append(0)
        }
        let size = Layout.assignStrings + body.count
        guard size <= Layout.maxSize else {
            throw Failure(
                .invalid, "command and environment: \(size) bytes together are over the limit of \(Layout.maxSize)")
        }
        var record = header(Layout.assign, size: size)
        append(UInt32(assignment.arguments.count), to: &record)
        append(UInt32(assignment.environment.count), to: &record)
        return record + body
    }

    /// Reads a report; `nil` for every byte string that fnrpc-init does not send.
    package static func report(_ bytes: UnsafeRawBufferPointer) -> SandboxReport? {
        guard bytes.count >= Layout.headerSize, number(bytes, 0, UInt16.self) == Layout.version,
            Int(number(bytes, 4, UInt32.self)) == bytes.count
        else { return nil }
        switch (number(bytes, 2, UInt16.self), bytes.count) {
        case (Layout.ready, Layout.readySize):
            return .ready
        case (Layout.started, Layout.startedSize):
            let pid = number(bytes, Layout.headerSize, Int32.self)
            return pid > 1 ? .started(pid: pid) : nil
        case (Layout.execFailed, Layout.execFailedSize):
            let code = number(bytes, Layout.headerSize, Int32.self)
            return (1...4095).contains(code) ? .execFailed(errno: code) : nil
        case (Layout.exited, Layout.exitedSize):
            return exit(bytes).map { .exited($0) }
        default:
            return nil
        }
    }

    private static func exit(_ bytes: UnsafeRawBufferPointer) -> SandboxExit? {
        let code = number(bytes, Layout.exitedCode, Int32.self)
        let signal = number(bytes, Layout.exitedSignal, Int32.self)
        let exited = (0...255).contains(code) && signal == 0
        let killed = code == -1 && (1...64).contains(signal)
        guard exited || killed else { return nil }
        return SandboxExit(
            code: exited ? code : nil, signal: killed ? signal : nil,
            userMicros: number(bytes, Layout.exitedUser, UInt64.self),
            systemMicros: number(bytes, Layout.exitedSystem, UInt64.self),
            maxRSSKiB: number(bytes, Layout.exitedMaxRSS, UInt64.self),
            wallNanos: number(bytes, Layout.exitedWall, UInt64.self))
    }

    private static func header(_ type: UInt16, size: Int) -> [UInt8] {
        var record: [UInt8] = []
        append(Layout.version, to: &record)
        append(type, to: &record)
        append(UInt32(size), to: &record)
        return record
    }

    private static func append(_ value: some FixedWidthInteger, to record: inout [UInt8]) {
        withUnsafeBytes(of: value.littleEndian) { record.append(contentsOf: $0) }
    }

    /// The caller has checked the bounds.
    private static func number<T: FixedWidthInteger>(
        _ bytes: UnsafeRawBufferPointer, _ offset: Int, _: T.Type
    ) -> T {
        T(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: T.self))
    }
}

/// Which reports may come next. Reports are hostile input: whatever is out of order ends the sandbox.
package struct ReportOrder: Sendable, Equatable {
    private enum Stage { case starting, waiting, running, ended }
    private var stage = Stage.starting

    package init() {}

    /// Whether `report` may come now; moves on if so. After `false` nothing is accepted any more.
    package mutating func accepts(_ report: SandboxReport) -> Bool {
        switch (stage, report) {
        case (.starting, .ready): stage = .waiting
        case (.waiting, .started): stage = .running
        case (.waiting, .execFailed), (.running, .exited): stage = .ended
        default:
            stage = .ended
            return false
        }
        return true
    }
}
