import Archive
import Model
import Testing
import Wire

@testable import Store

/// What an archive says of calls beside their records: logs, payloads, and snapshots of what they ran with.
@Suite struct ImportCallsTests {
    private func archive(_ calls: [ArchivedCall]) async throws -> [UInt8] {
        try ArchiveSide().archive(calls)
    }

    private func refusal(_ calls: [ArchivedCall], sourceLocation: SourceLocation = #_sourceLocation) async throws
        -> Failure
    {
        let bytes = try await archive(calls)
        let target = try ArchiveSide()
        let refusal = await failure(sourceLocation: sourceLocation) { try await target.take(bytes) }
        #expect(refusal.code == .invalid, sourceLocation: sourceLocation)
        #expect(try await target.test.store.driver.callCount() == 0, sourceLocation: sourceLocation)
        return refusal
    }

    @Test(arguments: Backing.allCases) func snapshotsComeWithTheFirstCallThatNamesThem(_ backing: Backing) async throws
    {
        let bodies = [CallSpec(spec: Sample.spec()), CallSpec(spec: Sample.spec(), appConfig: ["A": "1"])].map {
            $0.encoded()
        }
        let digests = try bodies.map { try SHA256.digest(of: $0) }
        // Far enough apart for batches of their own.
        let log = [UInt8](repeating: 120, count: 200_000)
        let calls = [
            ArchivedCall(call: Sample.call(9, spec: digests[0]), spec: bodies[0]),
            ArchivedCall(call: Sample.call(8, spec: digests[1]), log: log, spec: bodies[1]),
            ArchivedCall(call: Sample.call(7), log: log), ArchivedCall(call: Sample.call(6), log: log),
            ArchivedCall(call: Sample.call(5, spec: digests[0])), ArchivedCall(call: Sample.call(12, spec: digests[1])),
        ]
        let bytes = try await archive(calls)
        let target = try ArchiveSide(backing)
        #expect(try await target.take(bytes).calls == 6)
        let driver = target.test.store.driver
        #expect(try await driver.callContents(Sample.id(6)) == CallContents(log: log, input: []))
        #expect(try await driver.callSpec(digests[0]) == bodies[0])
        // The newest call that needs it came after the one that had it.
        try await driver.pruneCalls(CallRetention(calls: 1), now: .now())
        #expect(try await driver.callSpec(digests[0]) == nil)
        #expect(try await driver.callSpec(digests[1]) == bodies[1])
    }

    @Test func snapshotsAreWhatTheirDigestsSay() async throws {
        let body = CallSpec(spec: Sample.spec()).encoded()
        let digest = try SHA256.digest(of: body)
        let named = Sample.call(1, spec: digest)
        let other = Sample.call(2, spec: digest)
        let late = try await refusal([.init(call: named), .init(call: other, spec: body)])
        #expect(
            late.message
                == "call \(Sample.id(1)): spec_digest: the snapshot \(digest) is not in the archive before it is named")
        let wrong = try await refusal([.init(call: named, spec: body + [0x12, 0])])
        #expect(wrong.message.hasPrefix("call \(Sample.id(1)): spec: it is sha256:"))
        let unnamed = try await refusal([.init(call: Sample.call(3), spec: body)])
        #expect(unnamed.message == "call \(Sample.id(3)): spec: is given, and spec_digest does not name it")
        let noise = [UInt8](repeating: 0xFF, count: 10)
        let noSpec = try await refusal([
            .init(call: Sample.call(4, spec: try SHA256.digest(of: noise)), spec: noise)
        ])
        #expect(noSpec.message.hasPrefix("call \(Sample.id(4)): "), "\(noSpec)")
    }

    @Test func contentsHaveLimits() async throws {
        let full = [UInt8](repeating: 1, count: CallRecord.maxLogBytes)
        let target = try ArchiveSide()
        let bytes = try await archive([.init(call: Sample.call(1), log: full, input: full)])
        #expect(try await target.take(bytes).calls == 1)
        #expect((try await target.test.store.driver.callContents(Sample.id(1))?.input == full) == true)
        #expect(try await target.test.store.driver.call(Sample.id(1))?.logBytes == UInt64(full.count))
        for (field, call) in [
            ("log", ArchivedCall(call: Sample.call(1), log: full + [1])),
            ("input", ArchivedCall(call: Sample.call(1), input: full + [1])),
        ] {
            let refusal = try await refusal([call])
            #expect(
                refusal.message
                    == "call \(Sample.id(1)): its \(field) has \(full.count + 1) bytes; at most \(full.count) are allowed"
            )
        }
    }

    /// What an export leaves out is what was removed; the record still says that it was there.
    @Test(arguments: Backing.allCases) func whatWasRemovedStaysRemoved(_ backing: Backing) async throws {
        let source = try ArchiveSide(backing)
        try await source.test.store.driver.append([Sample.call(1, log: "log", input: "input")])
        try await source.test.store.driver.pruneCalls(CallRetention(logs: 0), now: .now())
        let bytes = try await source.export(calls: true)
        let target = try ArchiveSide(backing)
        for _ in 0..<50 { _ = target.test.context() }
        try await target.take(bytes)
        let (log, input) = (
            try await target.test.store.callLog(Sample.id(1).description),
            try await target.test.store.callInput(Sample.id(1).description)
        )
        #expect(log.removed && log.log.isEmpty && input.removed && input.input.isEmpty)
        #expect(try await target.test.store.call(Sample.id(1).description).logBytes == 3)
    }

    /// A page of an export ends at its bytes, however long logs are.
    @Test func exportsArePagedByBytes() async throws {
        let source = try ArchiveSide()
        let log = String(repeating: "x", count: 3 << 20)
        try await source.test.store.driver.append((1...7).map { Sample.call($0, log: log) })
        var (pages, specs): ([Int], Set<Digest>) = ([], [])
        var before: Identifier?
        repeat {
            let (calls, last) = try await source.test.store.archivedCalls(before: before, specs: &specs)
            pages.append(calls.count)
            before = last
        } while before != nil
        #expect(pages == [3, 3, 1])
    }
}
