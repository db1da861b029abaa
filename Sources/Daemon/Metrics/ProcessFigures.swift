internal import Glibc

/// What the kernel says about the daemon's own process. What it does not say is `nil`.
struct ProcessFigures: Sendable {
    /// Bytes in memory.
    let residentBytes: UInt64?
    let openFiles: UInt64?
    /// The limit on open files.
    let maxFiles: UInt64?
    /// Time on a processor, in the kernel or not, nanoseconds.
    let processorNanos: UInt64?

    /// Asks the kernel: a few system calls, more with thousands of open files.
    static func now() -> ProcessFigures {
        ProcessFigures(
            residentBytes: residentBytes(), openFiles: openFiles(), maxFiles: maxFiles(),
            processorNanos: processorNanos())
    }

    private static func residentBytes() -> UInt64? {
        let descriptor = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var buffer = [UInt8](repeating: 0, count: 256)
        let count = read(descriptor, &buffer, buffer.count)
        guard count > 0 else { return nil }
        let fields = String(decoding: buffer[..<count], as: UTF8.self).split(separator: " ")
        guard fields.count > 1, let pages = UInt64(fields[1]) else { return nil }
        return pages * UInt64(sysconf(Int32(_SC_PAGESIZE)))
    }

    private static func openFiles() -> UInt64? {
        guard let folder = opendir("/proc/self/fd") else { return nil }
        defer { closedir(folder) }
        var count: UInt64 = 0
        while readdir(folder) != nil { count += 1 }
        // Without `.`, `..` and the folder itself.
        return count >= 3 ? count - 3 : nil
    }

    private static func maxFiles() -> UInt64? {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return nil }
        return UInt64(limit.rlim_cur)
    }

    private static func processorNanos() -> UInt64? {
        var time = timespec()
        guard clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) == 0 else { return nil }
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
