import Testing

@testable import fnrpc

/// What is refused and explained without a daemon.
@Suite struct CommandUsageTests {
    @Test(arguments: [
        ["trigger"], ["trigger", "create", "a", "b", "/c"], ["trigger", "create", "a", "b", "c", "d"],
        ["trigger", "create", "a", "b/c", "/c", "d"], ["trigger", "create", "a", "b", "/c", "x/d"],
        ["trigger", "create", "a", "b", "/c", "d", "--label", "x"],
        ["trigger", "create", "a", "b", "/c", "d", "--label", "x=1", "--label", "x=2"],
        ["trigger", "create", "a", "b", "/c", "d", "--extra", "=1"],
        ["trigger", "update", "a", "b", "--revision", "0"],
        ["trigger", "update", "a", "b", "--source", "c"], ["trigger", "update", "a", "b", "--function", "c@"],
        ["route", "create", "a", "/b"], ["route", "create", "a", "b", "c"],
        ["route", "create", "a", "/b", "c", "--type", "soon"], ["route", "create", "a", "/b", "c", "--format", "xml"],
        ["route", "create", "a", "/b", "c", "--header", "x"], ["route", "create", "a", "/b", "c", "--header", "x="],
        ["route", "update", "a", "/b", "--header", "x=", "--header", "x=1"],
        ["route", "create", "a", "/b", "c", "--config", "x=1", "--config", "x=2"],
        ["route", "create", "a", "/b", "c", "--memory", "-1"], ["route", "create", "a", "/b", "c", "--timeout", "x"],
        ["runtime", "create", "a"], ["runtime", "create", "a", "x"], ["runtime", "create", "a/b", "--", "x"],
        ["runtime", "create", "a", "--root", "disk", "--", "x"],
        ["runtime", "create", "a", "--pool-size", "1025", "--", "x"], ["runtime", "update", "a", "--root", "folder:"],
        ["secret", "set", "a", "b/c"], ["secret", "set", "a"], ["token", "get"], ["events", "--after", "x"],
        ["system", "import"], ["system", "purge"], ["system", "purge", "x"], ["system", "raw", "app"],
        ["system", "migrate"], ["stats", "a/b@1"], ["stats", "a/b/c"], ["stats", "--limit", "0"],
        ["stats", "--limit", "1001"], ["top", "--interval", "99ms"], ["top", "--interval", "61m"],
        ["top", "--interval", "x"], ["top", "--count", "0"], ["top", "a b"], ["version", "get", "a/b@1@latest"],
        ["version", "get", "a/b@latest", "1"], ["version", "delete", "a/b@latest"],
    ])
    func badUsage(arguments: [String]) async {
        let outcome = await Outcome.running(arguments)
        // A noun alone shows its help.
        guard arguments.count > 1 else {
            #expect(outcome.help.contains("SUBCOMMANDS"))
            return
        }
        #expect(outcome.exitCode == 2, "\(outcome)")
        #expect(outcome.complaint.contains("; see fnrpc"))
        #expect(!outcome.complaint.contains("\n"))
    }

    /// What is refused is told with its rule.
    @Test(arguments: [
        (["invoke", "a/b", "--timeout", "0"], "--timeout: 0 ns is out of range; 1 µs to 86400 s"),
        (["invoke", "a/b", "--timeout", "25h"], "--timeout: 90000 s is out of range; 1 µs to 86400 s"),
        (["invoke", "a/b", "--timeout", "soon"], "'--timeout <5s>': a time of at most 876600h"),
        (["rpc", "S/M", "--timeout", "0s"], "--timeout: 0 ns is out of range; 1 µs to "),
        (["top", "--interval", "0"], "--interval: 0 ns is out of range; 100 ms to 3600 s"),
        (["fn", "update", "a/b", "--cpu", "0.0001"], "'--cpu <cores>': cores to the thousandth, 0 to 1024"),
        (
            ["fn", "update", "a/b", "--memory", "99999999999"],
            "'--memory <mib>': a whole number from 0 to 4294967295"
        ),
        (
            ["fn", "update", "a/b", "--timeout", "0.1us"],
            "'--timeout <30s>': a time of at most 876600h, and 1us or more"
        ),
        (["alias", "set", "a/b", "p", "1", "--weight", "1=0.001%"], "to the hundredth of a percent, such as 4=0.25%"),
        (["alias", "set", "a/b", "p", "x"], "'<version>': a whole number from 0 to 4294967295"),
        (["call", "list", "--since", "yesterday"], "'--since <time>': RFC 3339 with Z or an offset"),
        (["app", "list", "--limit", "x"], "a whole number from -9223372036854775808 to 9223372036854775807"),
    ])
    func refusalsNameTheRule(arguments: [String], rule: String) async {
        let outcome = await Outcome.running(arguments)
        #expect(outcome.exitCode == 2 && outcome.complaint.contains(rule), "\(outcome)")
    }

    private static let commands = [
        ["trigger", "create"], ["trigger", "get"], ["trigger", "list"], ["trigger", "update"], ["trigger", "delete"],
        ["route", "create"], ["route", "get"], ["route", "list"], ["route", "update"], ["route", "delete"],
        ["runtime", "create"], ["runtime", "get"], ["runtime", "list"], ["runtime", "update"], ["runtime", "delete"],
        ["secret", "set"], ["secret", "get"], ["secret", "list"], ["secret", "delete"], ["token", "get"], ["events"],
        ["system", "backup"], ["system", "export"], ["system", "import"], ["system", "count"], ["system", "purge"],
        ["system", "raw"], ["system", "migrate"], ["stats"], ["top"],
    ]

    @Test(arguments: commands)
    func everyCommandHasHelpWithAnExample(command: [String]) async throws {
        let outcome = await Outcome.running(command + ["--help"])
        #expect(outcome.exitCode == 0)
        #expect(outcome.help.contains("Example: fnrpc " + command.joined(separator: " ")))
        #expect(outcome.help.contains("--output <output>") && outcome.help.contains("--address"))
        let verb = try #require(command.last)
        #expect(outcome.help.contains("--filter") == (verb == "list"))
        #expect(outcome.help.contains("--label") == ["create", "update", "set"].contains(verb))
        #expect(outcome.help.contains("--revision") == ["update", "delete", "set"].contains(verb))
    }

    @Test(arguments: [
        ["trigger", "create", "a", "b", "/c", "d@prod"], ["trigger", "get", "a", "b"], ["trigger", "list", "a"],
        ["trigger", "update", "a", "b"], ["trigger", "delete", "a", "b"], ["route", "create", "a", "/b", "c"],
        ["route", "get", "a", "/b"], ["route", "list", "a"], ["route", "update", "a", "/b"],
        ["route", "delete", "a", "/b"], ["runtime", "get", "a"], ["runtime", "list"], ["runtime", "update", "a"],
        ["runtime", "delete", "a"], ["secret", "set", "a", "b", "--file", "/etc/hostname"],
        ["secret", "get", "a", "b"],
        ["secret", "list", "a"], ["secret", "delete", "a", "b"], ["token", "get", "a"],
        ["token", "list", "--filter", "name = a"], ["call", "list", "--filter", "status = failed"], ["events"],
        ["events", "--follow"], ["system", "backup"], ["system", "import", "/etc/hostname"], ["system", "count"],
        ["system", "purge", "2"], ["system", "raw", "app", "x"], ["system", "migrate", "--to", "1"],
        ["stats", "a/b"], ["top", "a"],
    ])
    func noDaemon(arguments: [String]) async {
        let outcome = await Outcome.running(arguments + ["--address", "unix:/nowhere/fnrpc.sock"])
        #expect(outcome.exitCode == 8, "\(outcome)")
        #expect(outcome.complaint.contains("unix:/nowhere/fnrpc.sock"))
    }
}
