package import Loop
package import Model
internal import Wire

/// An extension in a process of its own, which serves `fnrpc.ext.v1.Extension` on a Unix socket. Thread-safe.
package final class PlugIn: EntityListener, CallListener, Sendable {
    /// The longest text of a refusal that is passed on, bytes.
    package static let maxMessageBytes = 4096

    package let setting: PlugInSetting
    let connection: PlugInConnection
    private let log: @Sendable (String) -> Void
    private let lines = Lock((trouble: LineLimit(), connection: LineLimit()))

    /// Begins to connect.
    ///
    /// - Parameters:
    ///   - loop: where answers are taken.
    ///   - log: one line to the daemon's log; of its troubles one a minute.
    package init(
        _ setting: PlugInSetting, loop: EventLoop, daemonVersion: String, log: @escaping @Sendable (String) -> Void
    ) {
        self.setting = setting
        self.log = log
        let lines = lines
        let name = setting.name.text
        connection = PlugInConnection(
            loop: loop, path: setting.path, timeoutNanos: setting.timeoutMilliseconds * 1_000_000,
            describe: DescribeRequest(name: name, daemonVersion: daemonVersion).encoded(),
            log: { text in
                let line = lines.withLock { $0.connection.admit("extension \(name): \(text)", now: .now()) }
                if let line { log(line) }
            })
    }

    /// Ends the connection; what waits for an answer has the fail choice for one.
    package func close() { connection.close() }

    package var interest: Interest { connection.interest }

    package var name: String { setting.name.text }

    /// Questions without an answer: at most 1024 before something happens, 1024 after calls and reads, and as many
    /// after changes.
    package var waiting: Int { connection.waiting }

    // MARK: - Entities

    package func before(_ event: EntityEvent) async throws(Failure) {
        let payload = ChangeEvent(event).encoded()
        let answer = await withCheckedContinuation { continuation in
            connection.ask("BeforeChange", event.type, .before, payload) { continuation.resume(returning: $0) }
        }
        switch answer {
        case .message, .notWanted: return
        case .refused(let code, let text): throw refusal(code, text)
        case .failed(let reason): if let failure = failed(reason, event.type) { throw failure }
        }
    }

    package func room() async { await connection.room() }

    package func after(_ event: EntityEvent) {
        connection.ask("AfterChange", event.type, .after, ChangeEvent(event).encoded()) { [self] in
            told(event.type, $0)
        }
    }

    // MARK: - Calls

    package func before(_ call: CallProposal, then: @escaping @Sendable (Result<CallProposal, Failure>) -> Void) {
        connection.ask("BeforeCall", .call, .before, BeforeCallRequest(call).encoded()) { [self] answer in
            switch answer {
            case .notWanted: then(.success(call))
            case .refused(let code, let text): then(.failure(refusal(code, text)))
            case .failed(let reason): then(failed(reason, .call).map { .failure($0) } ?? .success(call))
            case .message(let bytes):
                do throws(Failure) {
                    then(.success(try call.changed(by: BeforeCallResponse(decoding: bytes, strict: false))))
                } catch {
                    let reason = "its answer cannot be used: \(error.message)"
                    then(failed(reason, .call).map { .failure($0) } ?? .success(call))
                }
            }
        }
    }

    package func after(_ record: CallRecord) {
        connection.ask("AfterCall", .call, .after, AfterCallRequest(record).encoded()) { [self] in told(.call, $0) }
    }

    // MARK: - Answers

    private func refusal(_ code: Int32, _ text: String) -> Failure {
        let text = String(decoding: text.utf8.prefix(Self.maxMessageBytes), as: UTF8.self)
        let kind = Failure.Code(status: code)
        // Statuses such as 2 and 13 say nothing of this daemon: no caller is sent to its log, and it has no line there.
        return Failure(
            kind == .internalError ? .precondition : kind,
            text.isEmpty ? "extension \(setting.name.text): refused" : text, status: code)
    }

    /// What the fail choice makes of it; `nil`: it goes on.
    private func failed(_ reason: String, _ type: EventType) -> Failure? {
        trouble("\(type.rawValue): \(reason)")
        guard setting.fail == .closed else { return nil }
        return Failure(
            .unavailable, "extension \(setting.name.text): \(reason); nothing was done (fail=closed)",
            retryNanos: 1_000_000_000)
    }

    private func told(_ type: EventType, _ answer: Answer) {
        switch answer {
        case .message, .notWanted: return
        case .refused(let code, let text): trouble("after \(type.rawValue): status \(code): \(text)")
        case .failed(let reason): trouble("after \(type.rawValue): \(reason)")
        }
    }

    private func trouble(_ text: String) {
        let line = lines.withLock { $0.trouble.admit("extension \(setting.name.text): \(text)", now: .now()) }
        if let line { log(line) }
    }
}
