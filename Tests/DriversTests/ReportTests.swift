import CLinux
import Dispatch
import Drivers
import Glibc
import Model
import Testing

/// What fnrpc-init reports, in real sandboxes.
@Suite(.serialized) struct ReportTests {
    @Test(arguments: Variant.all) func lifeOfAFunction(variant: Variant) throws {
        try Workbench.use(variant) { bench in
            let sandbox = try bench.start(pipes: true)
            defer { sandbox.destroy() }
            #expect(sandbox.nextReport() == .pending)
            try sandbox.assign(
                Assignment(
                    arguments: [
                        "sh", "-c", "cat; printf '%s\\n' \"$0\" \"$KEY\" \"$PWD\"; echo err >&2; exit 3", "zero",
                    ],
                    environment: ["PATH=/nowhere:/usr/bin", "KEY=a b"], workingDirectory: "/function"))
            guard case .report(.started(let pid)) = try sandbox.awaitEvent() else {
                Issue.record("not started")
                return
            }
            #expect(pid > 1)
            let input = try #require(sandbox.input)
            #expect(write(input, "hello\n", 6) == 6)
            sandbox.closeInput()
            #expect(sandbox.input == nil)
            let exit = try sandbox.awaitExit()
            #expect(exit.code == 3 && exit.signal == nil)
            #expect(exit.userMicros + exit.systemMicros > 0)
            #expect(exit.maxRSSKiB > 100)
            #expect(exit.wallNanos > 10_000)
            #expect(sandbox.exit == exit)
            #expect(try readToEnd(try #require(sandbox.output)) == "hello\nzero\na b\n/function\n")
            #expect(try readToEnd(sandbox.log) == "err\n")
            #expect(try sandbox.awaitEvent() == .gone)
            #expect(sandbox.nextReport() == .gone)
            #expect(!sandbox.ranOutOfMemory)
            sandbox.destroy()
            #expect(Posix.names(in: bench.folder + "/state/sandboxes") == [])
            sandbox.kill()
            sandbox.terminate()
        }
    }

    @Test func signalsAndCommandsThatCannotStart() throws {
        try Workbench.use { bench in
            let killed = try bench.shell("kill -9 $$")
            #expect(killed.exit.signal == 9 && killed.exit.code == nil)
            #expect(!killed.ranOutOfMemory)

            try bench.put("text", "no program")
            for (command, code) in [("/nowhere", ENOENT), ("nowhere", ENOENT), ("/function/text", EACCES)] {
                let sandbox = try bench.start()
                defer { sandbox.destroy() }
                try sandbox.assign([command])
                #expect(try sandbox.awaitEvent() == .report(.execFailed(errno: code)))
                #expect(try sandbox.awaitEvent() == .gone)
            }
            let sandbox = try bench.start()
            defer { sandbox.destroy() }
            try sandbox.assign(Assignment(arguments: ["/bin/true"], environment: [], workingDirectory: "/nowhere"))
            #expect(try sandbox.awaitEvent() == .report(.execFailed(errno: ENOENT)))
        }
    }

    @Test func aLargeAssignmentArrivesWhole() throws {
        try Workbench.use { bench in
            let sandbox = try bench.start()
            defer { sandbox.destroy() }
            let value = String(repeating: "v", count: 60_000)
            try sandbox.assign(
                Assignment(
                    arguments: ["/bin/sh", "-c", "echo ${#A} ${#B} ${#C}"],
                    environment: ["A=" + value, "B=" + value, "C=" + value], workingDirectory: "/"))
            #expect(try sandbox.awaitExit().code == 0)
            #expect(try readToEnd(sandbox.log) == "60000 60000 60000\n")
        }
    }

    @Test func aSecondAssignmentEndsTheSandbox() throws {
        try Workbench.use { bench in
            let sandbox = try bench.start()
            defer { sandbox.destroy() }
            try sandbox.assign(["sleep", "1000"])
            try sandbox.assign(["sleep", "1000"])
            guard case .report(.started) = try sandbox.awaitEvent() else {
                Issue.record("not started")
                return
            }
            #expect(try sandbox.awaitEvent() == .gone)
            #expect(throws: Failure.self) { try sandbox.assign(["true"]) }
        }
    }

    @Test func terminateReachesTheFunctionAndItsChildren() throws {
        try Workbench.use { bench in
            let sandbox = try bench.start()
            defer { sandbox.destroy() }
            try sandbox.assign([
                "sh", "-c",
                "trap 'wait; exit 7' TERM; (trap 'echo child; exit' TERM; echo up; sleep 1000 & wait) & wait",
            ])
            try readUntil("up", on: sandbox.log)
            sandbox.terminate()
            #expect(try sandbox.awaitExit().code == 7)
            #expect(try readToEnd(sandbox.log) == "child\n")

            let waiting = try bench.start("two")
            defer { waiting.destroy() }
            waiting.terminate()
            #expect(try waiting.awaitEvent() == .gone)
        }
    }

    @Test func orphansAreReapedAndEndWithTheFunction() throws {
        try Workbench.use { bench in
            // Orphans that end at once leave no zombie; one that ignores TERM does not outlive the function.
            let outcome = try bench.run([
                "/usr/bin/python3", "-c",
                """
                import os, signal, subprocess, sys, time
                for _ in range(20):
                    subprocess.run(["/bin/sh", "-c", "/bin/true & exit 0"])
                until = time.monotonic() + 10
                def processes(): return [p for p in os.listdir("/proc") if p.isdigit()]
                while len(processes()) > 2 and time.monotonic() < until: time.sleep(0.01)
                print(len(processes()))
                subprocess.Popen(["/bin/sh", "-c", "trap '' TERM HUP; sleep 1000"], start_new_session=True)
                """,
            ])
            #expect(outcome.exit.code == 0)
            #expect(outcome.text == "2\n")
        }
    }

    @Test func thePipesEndWhenTheFunctionClosesThem() throws {
        try Workbench.use { bench in
            let sandbox = try bench.start(pipes: true)
            defer { sandbox.destroy() }
            try sandbox.assign(["sh", "-c", "echo last; exec >&- 2>&- <&-; sleep 1000"])
            #expect(try readToEnd(try #require(sandbox.output)) == "last\n")
            #expect(try readToEnd(sandbox.log) == "")
            guard case .report(.started) = try sandbox.awaitEvent() else {
                Issue.record("not started")
                return
            }
            #expect(sandbox.nextReport() == .pending)
        }
    }

    /// This is what ends every function when the daemon is killed.
    @Test(arguments: Variant.all) func theEndOfTheControlDescriptorEndsAll(variant: Variant) throws {
        try Workbench.use(variant) { bench in
            let process: Int32
            do {
                let sandbox = try bench.start()
                process = fcntl(sandbox.process, F_DUPFD_CLOEXEC, 0)
                try sandbox.assign(["sh", "-c", "trap '' TERM HUP; setsid sleep 1000 & echo up; sleep 1000"])
                try readUntil("up", on: sandbox.log)
                // The last reference goes away without destroy(): the descriptors close.
            }
            defer { close(process) }
            #expect(Posix.wait(for: [process], until: inSeconds(10)) == [process])
            let layout = try CgroupLayout()
            #expect(layout.processes(in: "/fnrpc-" + bench.instance) == [])
            var exit = fnrpc_exit()
            _ = fnrpc_pidfd_reap(process, &exit)
        }
    }

    @Test func manyAtOnce() throws {
        try Workbench.use { bench in
            DispatchQueue.concurrentPerform(iterations: 8) { number in
                do {
                    for round in 0..<3 {
                        let sandbox = try bench.start("s\(number)-\(round)", socket: true)
                        defer { sandbox.destroy() }
                        try sandbox.assign(["sh", "-c", "echo \(number) \(round)"])
                        let exit = try sandbox.awaitExit()
                        #expect(exit.code == 0)
                        #expect(try readToEnd(sandbox.log) == "\(number) \(round)\n")
                    }
                } catch {
                    Issue.record(error)
                }
            }
        }
    }
}
