import Testing

@testable import Model

@Suite struct FailureTests {
    /// The log says where everything was raised, and how the deepest cause came about.
    @Test func aReportHasAllCauses() {
        let disk = Failure(.internalError, "the disk is gone")
        let package = Failure(.internalError, "no package", cause: disk)
        let failure = Failure(.unavailable, "no container", cause: package)
        let lines = failure.report.split(separator: "\n")
        #expect(lines[0].hasPrefix("no container (UNAVAILABLE, raised at ModelTests/FailureTests.swift:"))
        #expect(lines[1].hasPrefix("  because: no package (INTERNAL, raised at ModelTests/FailureTests.swift:"))
        #expect(lines[2].hasPrefix("  because: the disk is gone (INTERNAL, raised at "))
        #expect(lines.count > 4 && lines[3...].allSatisfy { $0.hasPrefix("  at ") && $0.contains("+0x") })
        #expect(Failure(.invalid, "name: is missing").report.split(separator: "\n").count == 1)
    }
}
