/// Memory and processor time: of a container, or of the machine.
package struct Resources: Sendable, Equatable {
    /// MiB.
    package var memoryMiB: UInt64
    /// Thousandths of a core.
    package var cpuMilli: UInt64

    /// Nothing.
    package static let none = Resources(memoryMiB: 0, cpuMilli: 0)

    /// - Parameters:
    ///   - memoryMiB: MiB.
    ///   - cpuMilli: thousandths of a core.
    package init(memoryMiB: UInt64, cpuMilli: UInt64) {
        self.memoryMiB = memoryMiB
        self.cpuMilli = cpuMilli
    }

    /// Whether this is no more than what is there.
    package func fits(in room: Resources) -> Bool { memoryMiB <= room.memoryMiB && cpuMilli <= room.cpuMilli }

    /// What is missing if only this much is there.
    package func lacking(with room: Resources) -> Resources {
        Resources(
            memoryMiB: memoryMiB - min(memoryMiB, room.memoryMiB), cpuMilli: cpuMilli - min(cpuMilli, room.cpuMilli))
    }

    /// Adds.
    package static func += (left: inout Resources, right: Resources) {
        left.memoryMiB += right.memoryMiB
        left.cpuMilli += right.cpuMilli
    }

    /// Takes away what is there.
    package static func -= (left: inout Resources, right: Resources) {
        left.memoryMiB -= right.memoryMiB
        left.cpuMilli -= right.cpuMilli
    }
}
