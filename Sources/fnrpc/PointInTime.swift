import ArgumentParser
import Model

/// A moment on the command line: RFC 3339 with `Z` or an offset, or how long ago it was: `10m`.
enum PointInTime: OptionValue, Equatable {
    static let rule = "RFC 3339 with Z or an offset, such as 2026-01-02T03:04:05Z, or an age, such as 10m"

    case at(Timestamp)
    case ago(TimeSpan)

    init?(argument: String) {
        if let time = Timestamp(rfc3339: argument) {
            self = .at(time)
        } else if let age = TimeSpan(argument: argument) {
            self = .ago(age)
        } else {
            return nil
        }
    }

    /// Since 1970, at least 1: 0 means that there is no bound.
    func nanoseconds(at now: Timestamp) -> Int64 {
        switch self {
        case .at(let time): max(time.nanoseconds, 1)
        case .ago(let age): max(now.nanoseconds - Int64(clamping: age.nanoseconds), 1)
        }
    }
}
