import Foundation
import Testing

extension TestDaemon {
    /// What the daemon holds of the machine now, one line each: processes, mounts, control groups, files of containers,
    /// descriptors by what they are, and what its ledger counts. Needs `--metrics-listen` and ``learnInstance()``.
    func footprint() throws -> Set<String> {
        var lines = Set<String>()
        for name in [
            "fnrpc_containers", "fnrpc_containers_starting", "fnrpc_starts_waiting", "fnrpc_waiting_calls",
            "fnrpc_container_memory_bytes", "fnrpc_container_cpu_cores", "fnrpc_buffered_bytes",
        ] {
            if let value = try metric(name) { lines.insert("\(name) \(value)") }
        }
        for (id, name) in descendants() { lines.insert("process \(id) \(name)") }
        let own = "/proc/\(process.processIdentifier)"
        for mount in try String(contentsOfFile: own + "/mountinfo", encoding: .utf8).split(separator: "\n") {
            lines.insert("mount \(mount.split(separator: " ")[4])")
        }
        for group in try groups() { lines.insert("cgroup \(group)") }
        let state = data + "/run"
        for path in FileManager.default.subpaths(atPath: state) ?? [] where path.split(separator: "/").count < 3 {
            lines.insert("file \(path)")
        }
        var kinds: [String: Int] = [:]
        for number in try FileManager.default.contentsOfDirectory(atPath: own + "/fd") {
            guard let target = try? FileManager.default.destinationOfSymbolicLink(atPath: own + "/fd/" + number) else {
                continue
            }
            // The database opens further ones as it is asked more at once.
            if target.contains("/fnrpc.db") { continue }
            kinds[String(target.prefix { $0 != "[" }), default: 0] += 1
        }
        for (kind, count) in kinds { lines.insert("descriptors \(count) \(kind)") }
        return lines
    }

    /// The footprint when it does not change from one look to the next.
    func settledFootprint() async throws -> Set<String> {
        var last = try footprint()
        try await eventually("the daemon is at rest") {
            let now = try footprint()
            defer { last = now }
            return now == last
        }
        return last
    }

    /// Waits until the daemon holds what it held.
    func waitForFootprint(_ wanted: Set<String>, after what: String) async throws {
        var found: Set<String> = []
        do {
            try await eventually(what) {
                found = try footprint()
                return found == wanted
            }
        } catch {
            Issue.record(
                "after \(what) there is more: \(found.subtracting(wanted).sorted()), less: \(wanted.subtracting(found).sorted())"
            )
            throw error
        }
    }

    /// The control groups of its containers, in every hierarchy.
    private func groups() throws -> [String] {
        let instance = try #require(instance)
        let files = FileManager.default
        var found: [String] = []
        for controller in try files.contentsOfDirectory(atPath: "/sys/fs/cgroup") {
            let path = "/sys/fs/cgroup/" + controller
            let roots = [path] + ((try? files.contentsOfDirectory(atPath: path)) ?? []).map { path + "/" + $0 }
            for root in roots where root.contains("/fnrpc-" + instance) {
                for entry in (try? files.contentsOfDirectory(atPath: root)) ?? [] {
                    var isFolder: ObjCBool = false
                    guard files.fileExists(atPath: root + "/" + entry, isDirectory: &isFolder) else { continue }
                    if isFolder.boolValue { found.append(root + "/" + entry) }
                }
            }
        }
        return found
    }

    /// Every process that it or a child of it has started, with its name; without what the OCI runtime leaves to be
    /// waited for with the next start.
    func descendants() -> [pid_t: String] {
        var parents: [pid_t: (parent: pid_t, name: String)] = [:]
        for entry in (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [] {
            guard let id = pid_t(entry), let text = try? String(contentsOfFile: "/proc/\(id)/stat", encoding: .utf8),
                let end = text.lastIndex(of: ")"), let start = text.firstIndex(of: "(")
            else { continue }
            let fields = text[text.index(after: end)...].split(separator: " ")
            guard fields.count > 1, let parent = pid_t(fields[1]) else { continue }
            if fields[0] == "Z", text.contains("(crun)") || text.contains("(runc)") { continue }
            parents[id] = (parent, String(text[text.index(after: start)..<end]))
        }
        let root = process.processIdentifier
        return parents.filter { id, _ in
            var at = id
            while let next = parents[at]?.parent, next != 0 {
                if next == root { return true }
                at = next
            }
            return false
        }.mapValues(\.name)
    }
}
