import Model

/// The user numbers that sandboxes have on the host: a range of their own, two for each sandbox.
///
/// The first of a pair is the function's (1000 inside a user namespace), the second is root's inside. Both are also
/// group numbers. Thread-safe.
package final class IdentityRange: Sendable {
    /// The first number when nothing is configured: 0x70000000, far above what login and container tools hand out.
    package static let defaultBase: UInt32 = 1_879_048_192
    /// How many numbers when nothing is configured.
    package static let defaultCount: UInt32 = 65_536

    /// The numbers of one sandbox.
    package struct Pair: Sendable, Equatable {
        /// The function's.
        package let function: UInt32
        /// Root's inside a user namespace; never runs anything of the function's.
        package let root: UInt32
    }

    private struct State {
        /// Index of the first pair that was never used.
        var next: UInt32 = 0
        var free: [UInt32] = []
    }

    private let base: UInt32
    private let pairs: UInt32
    private let state = Lock(State())

    /// - Throws: `invalid` for a range that is empty, contains usual numbers, or passes the largest user number.
    package init(base: UInt32, count: UInt32) throws(Failure) {
        // 2³² - 1 means "no change" to the kernel; 65536 and above are beyond every 16-bit number.
        guard base >= 65_536, count >= 2, UInt64(base) + UInt64(count) <= 0xFFFF_FFFE else {
            throw Failure(
                .invalid,
                "uid range: \(base) with \(count) numbers is out of range; it starts at 65536 or above, has 2 or more "
                    + "numbers, and ends below 4294967294")
        }
        self.base = base
        pairs = count / 2
    }

    /// A pair that no living sandbox has.
    ///
    /// - Throws: `busy` when all are in use.
    package func take() throws(Failure) -> Pair {
        let index: UInt32? = state.withLock { state in
            if let index = state.free.popLast() { return index }
            guard state.next < pairs else { return nil }
            state.next += 1
            return state.next - 1
        }
        guard let index else {
            throw Failure(.busy, "uid range: all \(pairs) sandboxes that it has room for are running; try again later")
        }
        return Pair(function: base + 2 * index, root: base + 2 * index + 1)
    }

    /// Gives a pair back, once every process and file of its sandbox is gone.
    package func give(_ pair: Pair) {
        state.withLock { $0.free.append((pair.function - base) / 2) }
    }

    /// Checks that nobody else on the machine uses the range.
    ///
    /// - Parameter folder: where `passwd`, `group`, `subuid` and `subgid` are.
    /// - Throws: `precondition` naming the file and the entry that clashes.
    package func check(folder: String = "/etc") throws(Failure) {
        for (file, field) in [("passwd", 2), ("group", 2)] {
            for fields in Self.entries(folder + "/" + file) where fields.count > field {
                guard let number = UInt32(fields[field]) else { continue }
                try check(UInt64(number)...UInt64(number), folder + "/" + file, fields[0])
            }
        }
        for file in ["subuid", "subgid"] {
            for fields in Self.entries(folder + "/" + file) where fields.count == 3 {
                guard let first = UInt32(fields[1]), let count = UInt32(fields[2]), count > 0 else { continue }
                try check(UInt64(first)...UInt64(first) + UInt64(count) - 1, folder + "/" + file, fields[0])
            }
        }
    }

    private func check(_ used: ClosedRange<UInt64>, _ file: String, _ name: String) throws(Failure) {
        let own = UInt64(base)...UInt64(base) + UInt64(pairs) * 2 - 1
        guard own.overlaps(used) else { return }
        let numbers = used.count == 1 ? "\(used.lowerBound)" : "\(used.lowerBound) to \(used.upperBound)"
        throw Failure(
            .precondition,
            "uid range: \(own.lowerBound) to \(own.upperBound) clashes with \(numbers) of \(quoted(name)) in \(file); "
                + "configure another range")
    }

    private static func entries(_ path: String) -> [[String]] {
        (Posix.text(of: path, limit: 16 << 20) ?? "").split(separator: "\n").map { line in
            line.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        }
    }
}
