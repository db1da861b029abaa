import Glibc
import Loop
import Model
import Testing
import Wire

@testable import Extensions

/// A loop, a folder for sockets, and what the plug-ins log.
// SAFETY: everything is immutable or locked.
final class Bench: @unchecked Sendable {
    let loop = EventLoop()
    let folder: String
    let lines = Lock<[String]>([])

    init() {
        // A write to a peer that has gone is told by its result, as in the daemon.
        signal(SIGPIPE, SIG_IGN)
        var template = Array("/tmp/ext-XXXXXX".utf8CString)
        precondition(mkdtemp(&template) != nil, "BUG: no folder for the test")
        folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { loop.stop() }

    var path: String { folder + "/s" }

    /// A plug-in's client.
    ///
    /// - Parameter options: as behind the path in the setting.
    func plugIn(_ options: String = "timeout=10s") throws -> PlugIn {
        PlugIn(try PlugInSetting("fake=unix:\(path),\(options)"), loop: loop, daemonVersion: "1") { [lines] line in
            lines.withLock { $0.append(line) }
        }
    }

    func close(_ plugIn: PlugIn, _ fake: FakePlugIn? = nil) {
        plugIn.close()
        fake?.stop()
        unlink(path)
        rmdir(folder)
    }

    /// Waits for something that other threads do.
    func until(_ what: Comment, _ condition: () async -> Bool) async {
        let deadline = Instant.now().advanced(byNanoseconds: 60_000_000_000)
        while await !condition() {
            guard Instant.now() < deadline else {
                Issue.record(what)
                return
            }
            try? await Task.sleep(for: .milliseconds(2))
        }
    }
}

func makeApp(_ name: String) throws -> App {
    var random = SystemRandomNumberGenerator()
    return App(
        meta: Meta(id: Identifier(now: .now(), using: &random), createdAt: .now(), updatedAt: .now()),
        name: try Name(name, field: "name"))
}

func makeCall(_ metadata: [CallHeader] = []) -> CallProposal {
    var random = SystemRandomNumberGenerator()
    return CallProposal(
        id: Identifier(now: .now(), using: &random), principal: "uid 7", app: "shop", function: "pay", version: 3,
        timeoutNanos: 1_000_000_000, metadata: metadata)
}

extension PlugIn {
    /// Asks about a call and waits.
    func ask(_ call: CallProposal) async -> Result<CallProposal, Failure> {
        await withCheckedContinuation { continuation in before(call) { continuation.resume(returning: $0) } }
    }

    /// What refuses the creation of an app.
    func refusal(of app: App) async -> Failure? {
        do throws(Failure) {
            try await before(.create(app))
            return nil
        } catch {
            return error
        }
    }
}
