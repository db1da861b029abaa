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

    private static let app = [
        "A": "app", "B": "app", "HOME": "/app", "PATH": "/app", "lower": "app", "FN_APP_NAME": "app",
        "FN_CALL_ID": "app",
        "FNRPC_VERSION": "app",
    ]
    private static let function = [
        "B": "function", "LANG": "function", "FN_TYPE": "function", "FN_HEADER_X": "function", "FNRPC_X": "function",
        "FN_PATH": "function", "FN_LOGFRAME_NAME": "function",
    ]
    /// What every format has.
    private static let common = [
        "A=app", "B=function", "FNRPC_VERSION=4", "FN_APP_ID=\(Identifier(high: 1, low: 1))", "FN_APP_NAME=app",
        "FN_FN_ID=ID", "FN_FN_NAME=f", "FN_MEMORY=64", "FN_TMPSIZE=7", "FN_TYPE=sync", "HOME=/app", "LANG=function",
        "PATH=/app", "lower=app",
    ]

    @Test(arguments: [
        (
            FunctionSpec.Format.httpStream,
            [
                "FN_LISTENER=unix:/tmp/iofs/lsnr.sock", "FN_LOGFRAME_HDR=Fn-Call-Id", "FN_LOGFRAME_NAME=FNRPC_CALL",
                "FN_PATH=/invoke",
            ]
        ), (.ttrpc, ["FNRPC_LISTENER=unix:/tmp/iofs/lsnr.sock", "FN_PATH=/invoke"]),
        (.http, ["FN_PATH=/invoke"]), (.json, ["FN_PATH=/invoke"]), (.cloudevent, ["FN_PATH=/invoke"]),
        // Each call says its path.
        (.default, []),
    ])
    func theEnvironment(format: FunctionSpec.Format, own: [String]) throws {
        let runnable = try runnable(config: Self.app) {
            ($0.runtime, $0.entry, $0.format, $0.memoryMiB, $0.tmpMiB) = (.binary, "run", format, 64, 7)
            $0.config = Self.function
        }
        let plan = LaunchPlan(runnable)
        #expect(plan.arguments == ["/function/run"])
        let id = runnable.function.meta.id.description
        let expected = (Self.common + own + ["FN_FORMAT=\(format.rawValue)"]).map {
            $0 == "FN_FN_ID=ID" ? "FN_FN_ID=\(id)" : $0
        }
        #expect(plan.environment == expected.sorted())
    }

    @Test func runtimesAndLimitsAddTheirOwn() throws {
        let python = LaunchPlan(try runnable { $0.cpuMilli = 250 })
        #expect(python.arguments == ["/usr/bin/python3", "/.fnrpc/python/bootstrap.py", "a.b"])
        for entry in [
            "FN_CPUS=250m", "HOME=/tmp", "LANG=C.UTF-8", "PATH=/usr/local/bin:/usr/bin:/bin",
            "PYTHONPATH=/function/.python:/function", "PYTHONUNBUFFERED=1", "PYTHONDONTWRITEBYTECODE=1",
        ] { #expect(python.environment.contains(entry), "\(entry)") }
        // They may be set otherwise.
        let changed = LaunchPlan(try runnable { $0.config = ["PYTHONUNBUFFERED": ""] })
        #expect(changed.environment.contains("PYTHONUNBUFFERED="))
    }

    @Test func whatThisDaemonCannotRunIsRefused() throws {
        for format in FunctionSpec.Format.allCases {
            #expect(try runnable { $0.format = format }.refusal == nil)
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
