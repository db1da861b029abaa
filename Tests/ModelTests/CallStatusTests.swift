import Model
import Testing

@Suite struct CallStatusTests {
    /// The table once more, as it is documented: the statuses across, what may follow them down.
    private static let table: [(from: CallStatus, to: [CallStatus])] = [
        (.delayed, [.queued, .error, .timeout, .cancelled]),
        (.queued, [.running, .failed, .error, .timeout, .cancelled]),
        (.running, [.success, .failed, .error, .timeout, .cancelled]),
        (.success, []), (.failed, []), (.error, []), (.timeout, []), (.cancelled, []),
    ]

    @Test func everyTransitionIsInTheTableOrRefused() throws {
        #expect(Self.table.map(\.from) == CallStatus.allCases)
        for (from, allowed) in Self.table {
            for to in CallStatus.allCases {
                if allowed.contains(to) {
                    #expect(try from.changed(to: to) == to)
                } else {
                    let refusal = #expect(throws: Failure.self) { try from.changed(to: to) }
                    #expect(refusal?.code == .precondition)
                    #expect(refusal?.message.hasPrefix("status: \(from.rawValue) cannot become \(to.rawValue)") == true)
                }
            }
        }
    }

    @Test func whatIsCompletedNeverChanges() {
        #expect(CallStatus.completed == [.success, .failed, .error, .timeout, .cancelled])
        for status in CallStatus.completed { #expect(status.isCompleted && status.next.isEmpty) }
        // Each of the others gets there.
        for status in CallStatus.allCases where !status.isCompleted {
            #expect(status.next.contains { $0.isCompleted } && !status.next.contains(status))
        }
    }

    @Test func everyStatusHasItsReasons() {
        let reasons: [CallStatus: [CallReason]] = [
            .delayed: [.none], .queued: [.none], .running: [.none], .success: [.none], .error: [.none],
            .failed: [.badExit, .killed], .timeout: [.timeout], .cancelled: [.clientRequest],
        ]
        for status in CallStatus.allCases {
            #expect(status.reasons == reasons[status])
            for reason in CallReason.allCases {
                let record = record(status, reason)
                let isValid = status.isCompleted && status.reasons.contains(reason)
                #expect(((try? record.validated()) != nil) == isValid, "\(status) \(reason)")
            }
            for exit in [nil, CallExit(code: 0), CallExit(code: 1), CallExit(signal: 9), CallExit(signal: 11)] {
                #expect(status.reasons.contains(status.reason(exit)))
            }
        }
        #expect(Set(CallReason.allCases.map(\.rawValue)) == ["", "timeout", "killed", "bad_exit", "client_request"])
    }

    /// Fn's first API: an error has bad_exit, killed or timeout, or nothing if the platform failed.
    @Test func theSeedSeesItsOwnStatuses() {
        let seen: [CallStatus: CallStatus] = [
            .delayed: .delayed, .queued: .queued, .running: .running, .success: .success, .failed: .error,
            .error: .error, .timeout: .error, .cancelled: .cancelled,
        ]
        for status in CallStatus.allCases { #expect(status.seed == seen[status]) }
        let errors = CallStatus.allCases.filter { $0.seed == .error }.flatMap(\.reasons)
        #expect(Set(errors) == [.none, .badExit, .killed, .timeout])
        #expect(CallStatus.allCases.filter { $0.seed == .cancelled }.flatMap(\.reasons) == [.clientRequest])
    }

    @Test func onlyCausesOutsideTheUsersCodeHaveErrorText() {
        #expect(CallStatus.allCases.filter(\.hasErrorText) == [.error, .timeout, .cancelled])
    }

    @Test func limitsKillAndCrashesExit() {
        for signal: Int32 in 1...64 {
            let expected: CallReason = [9, 24, 25, 31].contains(signal) ? .killed : .badExit
            #expect(CallExit(signal: signal).reason == expected, "\(signal)")
        }
        for code: Int32 in [0, 1, 127, 255] { #expect(CallExit(code: code).reason == .badExit) }
        #expect(CallExit(code: 137, ranOutOfMemory: true).reason == .killed)
        #expect(CallExit(ranOutOfMemory: true).reason == .killed)
    }

    @Test func recordingIsChosenByStatus() {
        for status in CallStatus.completed {
            #expect(RecordedCalls.all.includes(status) && !RecordedCalls.none.includes(status))
            #expect(RecordedCalls.errors.includes(status) == (status != .success))
        }
    }

    private func record(_ status: CallStatus, _ reason: CallReason) -> CallRecord {
        let id = Identifier(high: 1, low: 2)
        let time = Timestamp(nanoseconds: 1)
        return CallRecord(
            meta: Meta(id: id, createdAt: time), appID: id, appName: "a", functionID: id, functionName: "f",
            version: 1, status: status, reason: reason, error: "", startedAt: nil, completedAt: time, waitNanos: 0,
            coldStartNanos: nil, runNanos: 0, container: "", log: [], logTruncated: false)
    }
}
