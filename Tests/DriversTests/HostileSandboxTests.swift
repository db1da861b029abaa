import CLinux
import Glibc
import Model
import Synchronization
import Testing

@testable import Drivers

/// What the daemon does when process 1 of a sandbox does not keep to the rules.
@Suite struct HostileSandboxTests {
    static let ready: [UInt8] = [1, 0, 16, 0, 8, 0, 0, 0]
    static let started: [UInt8] = [1, 0, 17, 0, 12, 0, 0, 0, 2, 0, 0, 0]

    @Test(
        arguments: [
            [[0]], [[]], [[UInt8](repeating: 255, count: 49)], [[UInt8](repeating: 1, count: 100_000)], [started],
            [ready, ready], [ready, started, started], [ready + ready], [ready, [1, 0, 19, 0, 8, 0, 0, 0]],
        ] as [[[UInt8]]]) func brokenRulesEndTheSandbox(records: [[UInt8]]) throws
    {
        try withFake { sandbox, peer, released in
            for record in records {
                #expect(send(peer, record, record.count, 0) == record.count)
            }
            // Further records, however good, are not looked at.
            #expect(send(peer, Self.ready, 8, 0) == 8)
            for _ in records.dropLast() {
                guard case .report = sandbox.nextReport() else {
                    Issue.record("a good record was refused")
                    return
                }
            }
            #expect(sandbox.nextReport() == .gone)
            #expect(Posix.wait(for: [sandbox.process], until: inSeconds(10)) == [sandbox.process])
            #expect(sandbox.nextReport() == .gone)
            #expect(throws: Failure.self) { try sandbox.awaitSocket(until: inSeconds(1)) }
        }
    }

    @Test func theLastReportIsReadAfterTheEnd() throws {
        try withFake { sandbox, peer, _ in
            // Something unread at the other end makes the kernel tell ECONNRESET ahead of the records.
            try sandbox.assign(Assignment(arguments: ["a"], environment: [], workingDirectory: "/"))
            for record in [Self.ready, Self.started, ControlRecordTests.exited] {
                #expect(send(peer, record, record.count, 0) == record.count)
            }
            shutdown(peer, Int32(SHUT_RDWR))
            let null = open("/dev/null", O_RDONLY | O_CLOEXEC)
            #expect(dup2(null, peer) == peer)
            close(null)
            #expect(sandbox.nextReport() == .report(.ready))
            #expect(sandbox.nextReport() == .report(.started(pid: 2)))
            #expect(try sandbox.awaitExit().code == 3)
            #expect(sandbox.nextReport() == .gone)
            #expect(throws: Failure.self) {
                try sandbox.assign(Assignment(arguments: ["a"], environment: [], workingDirectory: "/"))
            }
        }
    }

    @Test func descriptorsThatComeWithARecordAreNotKept() throws {
        try withFake { sandbox, peer, _ in
            var ends: [Int32] = [-1, -1]
            try #require(fnrpc_pipe(&ends, O_NONBLOCK) == 0)
            defer { close(ends[0]) }
            // struct cmsghdr with one descriptor, as cmsg(3) lays it out on 64-bit machines.
            var control: [UInt32] = [20, 0, UInt32(SOL_SOCKET), UInt32(SCM_RIGHTS), UInt32(ends[1]), 0]
            var bytes = Self.ready
            let sent = bytes.withUnsafeMutableBytes { buffer in
                control.withUnsafeMutableBytes { control in
                    var vector = iovec(iov_base: buffer.baseAddress, iov_len: buffer.count)
                    return withUnsafeMutablePointer(to: &vector) { vector in
                        var message = msghdr()
                        message.msg_iov = vector
                        message.msg_iovlen = 1
                        message.msg_control = control.baseAddress
                        message.msg_controllen = control.count
                        return sendmsg(peer, &message, 0)
                    }
                }
            }
            #expect(sent == 8)
            close(ends[1])
            #expect(Posix.wait(for: [ends[0]], until: .now()) == [], "the record holds the write end")
            #expect(sandbox.nextReport() == .report(.ready))
            #expect(Posix.wait(for: [ends[0]], until: inSeconds(10)) == [ends[0]], "somebody kept the write end")
        }
    }

    @Test func destroyReleasesOnceFromManyThreads() throws {
        try withFake { sandbox, _, released in
            var threads: [pthread_t] = []
            for _ in 0..<8 {
                var thread = pthread_t()
                // SAFETY: the sandbox outlives the threads, which are joined below.
                let pointer = Unmanaged.passUnretained(sandbox).toOpaque()
                let result = pthread_create(
                    &thread, nil,
                    { argument in
                        // SAFETY: made from a Sandbox just above.
                        if let argument { Unmanaged<Sandbox>.fromOpaque(argument).takeUnretainedValue().destroy() }
                        return nil
                    }, pointer)
                #expect(result == 0)
                threads.append(thread)
            }
            for thread in threads { pthread_join(thread, nil) }
            #expect(released.count == 1)
            // Harmless on what is gone.
            sandbox.kill()
            sandbox.terminate()
        }
    }

    /// Counts how often it was released.
    private final class FakeResources: SandboxResources {
        private let releases = Mutex(0)
        var processorNanos: UInt64? { nil }
        var ranOutOfMemory: Bool { false }
        var canBeTied: Bool { false }
        func makeFreezer() -> Freezer? { nil }
        var count: Int { releases.withLock { $0 } }
        func release() { releases.withLock { $0 += 1 } }
    }

    /// A sandbox whose process 1 is `sleep`, and whose control records come from the test.
    private func withFake(_ body: (Sandbox, Int32, FakeResources) throws -> Void) throws {
        var ends: [Int32] = [-1, -1]
        try #require(fnrpc_seqpacket_pair(&ends, Int32(ControlRecord.Layout.maxSize)) == 0)
        defer { close(ends[1]) }
        var words: [UnsafeMutablePointer<CChar>?] = [strdup("sleep"), strdup("1000"), nil]
        var variables: [UnsafeMutablePointer<CChar>?] = [nil]
        defer { for word in words { free(word) } }
        let null = open("/dev/null", O_RDWR | O_CLOEXEC)
        var pidfd: Int32 = -1
        let mappings = (0...2).map { fnrpc_fd_mapping(source: null, target: Int32($0)) }
        try #require(fnrpc_spawn("/bin/sleep", &words, &variables, mappings, 3, &pidfd) > 0)
        let resources = FakeResources()
        let sandbox = Sandbox(
            id: "fake", descriptors: SandboxDescriptors.Ends(control: ends[0], log: null), process: pidfd,
            socketFolder: "/nowhere", resources: resources)
        defer { sandbox.destroy() }
        try body(sandbox, ends[1], resources)
    }
}
