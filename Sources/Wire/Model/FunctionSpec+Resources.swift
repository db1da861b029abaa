extension FunctionSpec {
    /// What one container holds of the machine as long as it is there: its memory and what may be written to its `/tmp`,
    /// which is memory too; processor time only if it has a limit.
    package var needs: Resources {
        Resources(memoryMiB: UInt64(memoryMiB) + UInt64(tmpMiB), cpuMilli: UInt64(cpuMilli))
    }

    /// What of the machine is kept for the function.
    package var reserve: Resources {
        let count = UInt64(reservedContainers)
        return Resources(memoryMiB: needs.memoryMiB * count, cpuMilli: needs.cpuMilli * count)
    }
}
