package import ArgumentParser
internal import Drivers
internal import Glibc
package import Model
internal import Store

/// `fnrpcd migrate`: looks at the database's schema or changes it, while no daemon uses it.
package struct MigrateCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "migrate",
        abstract: "Shows or changes the schema version of the database, offline.",
        discussion: """
            The data directory is --data-dir, FNRPCD_DATA_DIR or what --config says, as for the daemon, which must not run. \
            A start migrates up by itself; going down is for an older fnrpcd. A copy of the database is made before: \
            fnrpc.db.backup-SCHEMA-TIME.

            Example: fnrpcd migrate --data-dir /var/lib/fnrpc --to 2 --dry-run
            """)

    /// How the result is printed.
    package enum Output: String, ExpressibleByArgument, CaseIterable, Sendable {
        /// For people; may change.
        case table
        /// For programs: stable names.
        case json
    }

    @ParentCommand package var daemon: DaemonCommand
    @Flag(help: "List the migrations and which of them the database has.")
    package var status = false
    @Flag(help: "Try what --to would do, or a start without it, and undo it; says what would be lost.")
    package var dryRun = false
    @Option(help: "The schema version to migrate to, up or down.")
    package var to: Int?
    @Flag(help: "Go down even where that loses data.")
    package var force = false
    @Option(help: "table or json.")
    package var output = Output.table

    package init() {}

    package func validate() throws {
        guard [status, dryRun || to != nil].count(where: { $0 }) == 1 else {
            throw ValidationError("say one of --status, --dry-run and --to N")
        }
        guard !force || to != nil && !dryRun else { throw ValidationError("--force goes with --to, without --dry-run") }
    }

    /// Does it. Blocks.
    ///
    /// - Returns: what is printed, and with `--status` why a daemon would refuse the database, if it would.
    /// - Throws: `precondition` if a daemon holds the data directory, `notFound` if it has no database, or what
    ///   ``Migrator`` throws.
    package func result(environment: [String: String]) throws(Failure) -> (text: String, refusal: Failure?) {
        let path = try daemon.configuration(environment: environment).dataDirectory
        // The lock would make the folder.
        guard access(path, F_OK) == 0 else { throw Failure(.notFound, "data-dir: \(quoted(path)) does not exist") }
        let directory = try DataDirectory.lock(path)
        guard access(directory.databasePath, F_OK) == 0 else {
            throw Failure(.notFound, "data-dir: \(quoted(path)) has no database; the first start of fnrpcd makes it")
        }
        let migrator = try Migrations.migrator
        if status {
            let status = try migrator.status(of: directory.databasePath)
            return (text(status, migrator.latest), status.refusal)
        }
        return (
            text(try migrator.migrate(directory.databasePath, to: to, dryRun: dryRun, force: force)), nil
        )
    }

    private func text(_ status: MigrationStatus, _ latest: Int) -> String {
        let rows =
            status.applied.map { ($0.number, $0.name, "applied", Optional($0.appliedAt)) }
            + status.pending.map { ($0.number, $0.name, "pending", nil) }
            + status.unknown.map { ($0.number, $0.name, "unknown", Optional($0.appliedAt)) }
        let sorted = rows.sorted { $0.0 < $1.0 }
        switch output {
        case .table:
            return "schema \(status.schema); this fnrpcd knows \(latest)\n"
                + table(
                    ["NUMBER", "NAME", "STATE", "APPLIED"],
                    sorted.map { [String($0.0), $0.1, $0.2, $0.3?.rfc3339(fractionDigits: 3) ?? ""] })
        case .json:
            return json([
                ("schema", .number(Int64(status.schema))), ("latest", .number(Int64(latest))),
                (
                    "migrations",
                    .array(
                        sorted.map { number, name, state, appliedAt in
                            .object(
                                [
                                    ("number", .number(Int64(number))), ("name", .string(name)),
                                    ("state", .string(state)),
                                ] + (appliedAt.map { [("applied_at", .string($0.description))] } ?? []))
                        })
                ),
            ])
        }
    }

    private func text(_ report: MigrationReport) -> String {
        let (plan, backup) = (report.plan, report.backup)
        switch output {
        case .table:
            var text = "schema \(plan.from) to \(plan.to)"
            text += plan.steps.isEmpty ? ": nothing to do\n" : dryRun ? ": tried and undone\n" : ": done\n"
            if !plan.steps.isEmpty {
                text += table(
                    ["NUMBER", "NAME", "DIRECTION", "LOSES"],
                    plan.steps.map {
                        [String($0.migration.number), $0.migration.name, $0.direction.rawValue, $0.loses ?? ""]
                    })
            }
            return text + (backup.map { "backup: \($0)\n" } ?? "")
        case .json:
            let steps = plan.steps.map { step -> JSON in
                .object(
                    [
                        ("number", .number(Int64(step.migration.number))), ("name", .string(step.migration.name)),
                        ("direction", .string(step.direction.rawValue)),
                    ] + (step.loses.map { [("loses", .string($0))] } ?? []))
            }
            return json(
                [
                    ("from", .number(Int64(plan.from))), ("to", .number(Int64(plan.to))), ("dry_run", .bool(dryRun)),
                    ("steps", .array(steps)),
                ] + (backup.map { [("backup", .string($0))] } ?? []))
        }
    }

    private func json(_ members: [(String, JSON)]) -> String {
        String(decoding: JSON.object(members).bytes, as: UTF8.self) + "\n"
    }

    private func table(_ columns: [String], _ rows: [[String]]) -> String {
        let cells = [columns] + rows
        let widths = columns.indices.map { column in cells.map { $0[column].count }.max() ?? 0 }
        return cells.map { row in
            var line = zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count + 2) }.joined()
            while line.last == " " { line.removeLast() }
            return line + "\n"
        }.joined()
    }
}
