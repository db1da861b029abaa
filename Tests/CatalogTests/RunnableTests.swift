import Catalog
import Model
import Testing

@Suite struct RunnableTests {
    private func runnable(
        config: [String: String] = [:], package: Digest? = digest, _ change: (inout FunctionSpec) -> Void = { _ in }
    ) throws -> Runnable {
        let app = App(
            meta: meta(Identifier(high: 1, low: 1)), name: try Name("app", field: "app"), config: config)
        var made = try contents(app, "f", 1, versions: 1...4)
        change(&made.function.spec)
        made.function.package = package
        return Runnable(app: app, function: made.function, version: version(of: made.function, 4))
    }

    @Test func ownKeysWinOverConfigAndConfigOverTheApps() throws {
        let mine = ["FNRPC_VERSION": "app", "HOME": "/app", "A": "app", "B": "app"]
        let plan = LaunchPlan(
            try runnable(config: mine) { $0.config = ["B": "function", "FN_TYPE": "function", "LANG": "function"] })
        #expect(plan.arguments == ["/usr/bin/python3", "/.fnrpc/python/bootstrap.py", "a.b"])
        for entry in [
            "FNRPC_LISTENER=unix:/tmp/iofs/lsnr.sock", "FNRPC_VERSION=4", "HOME=/app", "A=app", "B=function",
            "LANG=function", "FN_TYPE=sync",
        ] { #expect(plan.environment.contains(entry), "\(entry)") }
        #expect(Set(plan.environment.map { $0.prefix { $0 != "=" } }).count == plan.environment.count)
    }

    @Test func whatThisDaemonCannotRunIsRefused() throws {
        for format in [.default, .httpStream, .ttrpc] as [FunctionSpec.Format] {
            #expect(try runnable { $0.format = format }.refusal == nil)
        }
        for format in [.http, .json, .cloudevent] as [FunctionSpec.Format] {
            let refusal = try #require(try runnable { $0.format = format }.refusal)
            #expect(refusal.code == .unimplemented)
            #expect(refusal.message == "app/f@4: format \(format.rawValue) is not spoken by this daemon yet")
        }
        let image = try #require(try runnable(package: nil).refusal)
        #expect(
            image.code == .unimplemented && image.message.hasPrefix("app/f@4: images are not run by this daemon yet; "))
        let later = try #require(try runnable { $0.callType = .async }.refusal)
        #expect(later.code == .unimplemented)
        #expect(
            later.message == "app/f@4 is asynchronous; asynchronous calls are not served by this daemon yet")
    }

    @Test func servicesAreComparedWhole() throws {
        let runnable = try runnable { $0.services = ["a.B", "c.D"] }
        func serves(_ name: String) -> Bool { Array(name.utf8).withUnsafeBytes { runnable.serves($0) } }
        #expect(serves("a.B") && serves("c.D") && !serves("a.") && !serves("a.BB") && !serves(""))
    }
}
