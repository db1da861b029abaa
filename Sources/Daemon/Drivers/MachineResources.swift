import Model

/// How much memory and processor time this machine can give to containers. Reads files; blocks.
///
/// What limits the daemon's own control group, in any layout, limits what it can give.
package struct MachineResources: Sendable, Equatable {
    /// Where the daemon may use it up, less the head room.
    package let usable: Resources
    /// What stays for the daemon and everybody else, MiB.
    package let headRoomMiB: UInt64

    /// The least that stays, MiB; of a very small machine no more than half.
    private static let leastHeadRoomMiB: UInt64 = 256
    /// The most that stays, MiB.
    private static let mostHeadRoomMiB: UInt64 = 5 << 10

    /// - Parameters:
    ///   - proc: where the kernel tells about processes.
    ///   - cgroups: the machine's control groups.
    /// - Throws: `internalError` if the kernel does not say how much memory there is.
    package init(proc: String = "/proc", cgroups: CgroupLayout) throws(Failure) {
        let meminfo = Self.numbers(in: Posix.text(of: proc + "/meminfo") ?? "")
        guard let available = meminfo["MemAvailable"] ?? meminfo["MemTotal"] else {
            throw Failure(.internalError, "\(proc)/meminfo does not say how much memory there is")
        }
        var memory = available << 10
        var cpu = Self.processors(Posix.text(of: proc + "/self/status") ?? "") * 1000
        for folder in Self.ownGroups(Posix.text(of: proc + "/self/cgroup") ?? "", cgroups) {
            for file in ["/memory.max", "/memory.limit_in_bytes"] {
                if let limit = Posix.text(of: folder + file).flatMap(Self.number) { memory = min(memory, limit) }
            }
            if let quota = Self.quota(folder) { cpu = min(cpu, quota) }
        }
        let memoryMiB = memory >> 20
        let share = min(max(memoryMiB / 10, Self.leastHeadRoomMiB), Self.mostHeadRoomMiB)
        headRoomMiB = min(share, memoryMiB / 2)
        usable = Resources(memoryMiB: memoryMiB - headRoomMiB, cpuMilli: max(cpu, 1))
    }

    /// The daemon's group in each hierarchy and all groups above it.
    private static func ownGroups(_ text: String, _ cgroups: CgroupLayout) -> [String] {
        var folders: [String] = []
        for line in text.split(separator: "\n") {
            // See cgroups(7): "number:controllers:path"; v2 has the number 0 and no controllers.
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3, let hierarchy = hierarchy(String(fields[1]), cgroups) else { continue }
            var path = String(fields[2])
            // A group outside of what is mounted here.
            if path.hasPrefix("/..") { path = "" }
            while path.hasSuffix("/") { path.removeLast() }
            while !path.isEmpty {
                folders.append(hierarchy + path)
                path = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
            }
            folders.append(hierarchy)
        }
        return folders
    }

    private static func hierarchy(_ controllers: String, _ cgroups: CgroupLayout) -> String? {
        guard !controllers.isEmpty else { return cgroups.unified }
        let wanted = Set(controllers.split(separator: ","))
        return cgroups.hierarchies.first { folder in
            let name = folder[(folder.lastIndex(of: "/") ?? folder.startIndex)...].dropFirst()
            return !wanted.isDisjoint(with: name.split(separator: ","))
        }
    }

    /// Thousandths of a core that a group may use; `nil`: as much as there is.
    private static func quota(_ folder: String) -> UInt64? {
        var quota: UInt64?
        var period: UInt64?
        if let text = Posix.text(of: folder + "/cpu.max") {
            let words = text.split { $0 == " " || $0 == "\n" }
            quota = words.first.flatMap { UInt64($0) }
            period = words.dropFirst().first.flatMap { UInt64($0) }
        } else {
            // -1: no limit.
            quota = Posix.text(of: folder + "/cpu.cfs_quota_us").flatMap(number)
            period = Posix.text(of: folder + "/cpu.cfs_period_us").flatMap(number)
        }
        guard let quota, let period, period > 0 else { return nil }
        return quota.multipliedReportingOverflow(by: 1000).partialValue / period
    }

    /// How many processors a process may use, from its status: `Cpus_allowed_list: 0-3,8`.
    private static func processors(_ status: String) -> UInt64 {
        for line in status.split(separator: "\n") where line.hasPrefix("Cpus_allowed_list:") {
            var count: UInt64 = 0
            for range in line.dropFirst("Cpus_allowed_list:".count).split(whereSeparator: { ",\t ".contains($0) }) {
                let ends = range.split(separator: "-").compactMap { UInt64($0) }
                guard let low = ends.first, let high = ends.last, high >= low else { continue }
                count += high - low + 1
            }
            if count > 0 { return count }
        }
        return 1
    }

    /// The lines `Name: number kB`, in KiB.
    private static func numbers(in text: String) -> [String: UInt64] {
        var found: [String: UInt64] = [:]
        for line in text.split(separator: "\n") {
            let words = line.split { $0 == " " || $0 == ":" }
            guard words.count >= 2, let number = UInt64(words[1]) else { continue }
            found[String(words[0])] = number
        }
        return found
    }

    /// A file with one number; `nil` for `max` and whatever is none.
    private static func number(_ text: String) -> UInt64? { UInt64(text.filter { $0 != "\n" }) }
}

extension OCIDriver {
    /// What this machine can give to containers now. Reads files.
    ///
    /// - Throws: `internalError` if the kernel does not say how much memory there is.
    package func machineResources() throws(Failure) -> MachineResources { try MachineResources(cgroups: layout) }
}
