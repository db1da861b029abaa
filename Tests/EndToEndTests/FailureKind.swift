import Model
import Testing

/// One way in which a function fails, and what everybody is told of it; docs/logs.md has the same table.
struct FailureKind: Sendable {
    /// When it goes wrong.
    enum Moment: Sendable {
        /// Before any call is answered, and so every time.
        case start
        /// In a call.
        case call
        /// The caller leaves in the middle of a call.
        case callerLeaves
        /// Between two calls, which are both answered.
        case idle
        /// Likewise, but its container is frozen and somebody else ends it.
        case frozen
        /// Likewise, but process 1 lives, which is frozen and cannot tell.
        case orphaned
    }

    /// What the program does; see `FailureKind+Program.swift`.
    let act: String
    var formats: [FunctionSpec.Format] = [.httpStream]
    /// More lines of func.yaml.
    var yaml = ""
    var program = "/usr/bin/python3"
    var moment = Moment.call
    /// Bytes of the call's payload, more than the word that makes it fail.
    var payload = 0
    /// What the caller is told, or a part of it; empty: it gets the answer `ok`.
    var text = ""
    /// google.rpc.Code and the reason of ErrorInfo.
    var code = Failure.Code.functionFailed
    /// The status, if it is the function's own.
    var status: Int?
    var record = CallStatus.failed
    var reason = CallReason.badExit
    /// How the process ended, as the record has it.
    var exit: CallExit?
    /// Whether the container may stay.
    var stays = false

    /// Every way in which the daemon speaks to functions.
    private static let all: [FunctionSpec.Format] = [.httpStream, .ttrpc, .json, .default]
    private static let outOfMemory = CallExit(signal: 9, ranOutOfMemory: true)
    /// Enough for a cold start on a busy machine, half of it too.
    private static let short = "timeout: 4"

    static let cases = kinds.flatMap { kind in kind.formats.map { (kind, $0) } }

    private static let kinds =
        starts + deaths + answers + [
            FailureKind(
                act: "sleep", formats: [.httpStream, .json], moment: .callerLeaves, text: "connection",
                code: .cancelled,
                record: .cancelled, reason: .clientRequest),
            FailureKind(
                act: "idle", formats: [.httpStream, .ttrpc, .json], moment: .idle, record: .success, reason: .none),
            FailureKind(
                act: "none", formats: [.httpStream, .ttrpc, .json], moment: .frozen, record: .success, reason: .none,
                stays: true),
            FailureKind(
                act: "lone", formats: [.httpStream, .json], moment: .orphaned, record: .success, reason: .none,
                stays: true),
        ]

    private static let starts = [
        FailureKind(
            act: "leave", formats: [.httpStream, .ttrpc], moment: .start,
            text: "the function exited with code 3 before it listened; the end of its log:\nstarting",
            exit: CallExit(code: 3)),
        FailureKind(
            act: "leave", formats: [.json, .default], moment: .start, text: "it exited with code 3",
            exit: CallExit(code: 3)),
        FailureKind(
            act: "hunger", moment: .start, text: "ran out of memory (limit 64 MiB)", reason: .killed, exit: outOfMemory),
        FailureKind(
            act: "absent", program: "/bin/nothing", moment: .start, text: "cannot be started: No such file or directory"
        ),
        FailureKind(
            act: "absent", formats: [.json, .default], program: "/bin/nothing", moment: .start,
            text: "its program does not start: No such file or directory"),
        FailureKind(
            act: "silence", formats: [.httpStream, .ttrpc], moment: .start,
            text: "did not listen on /tmp/iofs/lsnr.sock in time (init-timeout, 3.000 s)", code: .timeout,
            record: .timeout, reason: .timeout),
        FailureKind(
            act: "bind", moment: .start, text: "made its socket but did not listen on it in time (init-timeout",
            code: .timeout, record: .timeout, reason: .timeout),
        FailureKind(act: "file", moment: .start, text: "listens wrongly: /tmp/iofs/lsnr.sock is a regular file"),
        FailureKind(act: "dangling", moment: .start, text: "lsnr.sock is a link to a name that does not exist"),
        FailureKind(act: "outside", moment: .start, text: "lsnr.sock is a link that leaves its directory"),
        FailureKind(act: "folder", moment: .start, text: "lsnr.sock is a directory"),
    ]

    /// In a call.
    private static let deaths = [
        FailureKind(
            act: "exit", formats: all, text: "it exited with code 3; the end of its log:\nfailing",
            exit: CallExit(code: 3)),
        FailureKind(
            act: "crash", formats: all, text: "it was killed by signal 11 (SIGSEGV); the end of its log:\nfailing",
            exit: CallExit(signal: 11)),
        FailureKind(
            act: "eat", formats: all, text: "it ran out of memory (limit 64 MiB)", reason: .killed, exit: outOfMemory),
        FailureKind(
            act: "fill", formats: [.httpStream, .default], text: "No space left on device", exit: CallExit(code: 1)),
        FailureKind(
            act: "sleep", formats: all, yaml: short, text: "timed out after 4.000 s", code: .timeout, record: .timeout,
            reason: .timeout),
        FailureKind(
            act: "ignore", formats: [.httpStream, .default], yaml: short, text: "timed out after", code: .timeout,
            record: .timeout, reason: .timeout),
        FailureKind(
            act: "write", formats: [.httpStream, .default], yaml: short + "\ncpu: 0.5", text: "timed out after",
            code: .timeout, record: .timeout, reason: .timeout),
        FailureKind(
            act: "fork", yaml: short + "\ncpu: 0.5", text: "timed out after", code: .timeout, record: .timeout,
            reason: .timeout),
    ]

    private static let tooLong = "its reply is over the limit of 4128768 bytes"

    /// Wrong ones.
    private static let answers = [
        FailureKind(act: "garbage", text: "it broke HTTP/1.1: its status line is not HTTP/1.1"),
        FailureKind(act: "garbage", formats: [.http], text: "it broke format http: its status line is not HTTP/1.1"),
        FailureKind(act: "garbage", formats: [.json], text: "it broke format json: its answer is not a JSON object"),
        FailureKind(act: "garbage", formats: [.ttrpc], text: "it answered with bytes that are not ttrpc"),
        FailureKind(act: "status", text: "it answered with HTTP status 418"),
        FailureKind(act: "status", formats: [.ttrpc], text: "the function failed: mine", stays: true),
        FailureKind(act: "swear", text: "the function failed: sorry", stays: true),
        FailureKind(act: "header", text: "it broke HTTP/1.1: its headers are too long"),
        FailureKind(act: "header", formats: [.http], text: "it broke format http: its headers are too long"),
        FailureKind(act: "header", formats: [.json], text: "at most 128 in 65536 are allowed"),
        FailureKind(act: "body", text: tooLong),
        FailureKind(act: "body", formats: [.http], text: tooLong),
        FailureKind(act: "body", formats: [.json], text: tooLong),
        FailureKind(act: "body", formats: [.default], text: tooLong),
        FailureKind(
            act: "body", formats: [.ttrpc], text: "at most 4128768 are allowed", status: 8, stays: true),
        FailureKind(act: "longer", formats: [.ttrpc], text: "it sent a frame of 5000010 bytes; at most 4194304"),
        FailureKind(
            act: "early", formats: [.httpStream, .ttrpc], payload: 1 << 20, record: .success, reason: .none, stays: true
        ),
        FailureKind(
            act: "early", formats: [.http, .json, .default], payload: 1 << 20, record: .success, reason: .none),
    ]
}

extension FailureKind: CustomTestStringConvertible {
    var testDescription: String { act }
}
