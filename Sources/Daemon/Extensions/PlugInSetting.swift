package import Model

/// One entry of the setting `extension`: `NAME=unix:/path/to.sock[,timeout=500ms][,fail=open|closed]`.
package struct PlugInSetting: Hashable, Sendable, CustomStringConvertible {
    /// Entries of the setting.
    package static let maxCount = 16
    /// Milliseconds that a plug-in may be given for an answer.
    package static let timeoutRange: ClosedRange<UInt64> = 1...60_000
    /// Milliseconds that it is given if the entry does not say.
    package static let defaultTimeout: UInt64 = 500

    /// What happens without an answer that can be used.
    package enum FailChoice: String, Sendable, CaseIterable {
        /// It goes on.
        case open
        /// It is refused.
        case closed
    }

    package let name: Name
    /// The plug-in's socket, an absolute path.
    package let path: String
    package let timeoutMilliseconds: UInt64
    package let fail: FailChoice

    /// Reads an entry.
    ///
    /// - Throws: `invalid` with the entry and what to write.
    package init(_ text: String) throws(Failure) {
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        guard let place = parts.first, let equals = place.firstIndex(of: "="), place[equals...].hasPrefix("=unix:/")
        else {
            throw Self.failure(text, "is no entry; write NAME=unix:/PATH,timeout=500ms,fail=closed")
        }
        name = try Name(String(place[..<equals]), field: "extension")
        path = String(place[place.index(equals, offsetBy: 6)...])
        guard path.utf8.count <= 4095, !path.utf8.contains(where: { $0 < 32 || $0 == 127 }) else {
            throw Self.failure(text, "needs a printable path of at most 4095 bytes")
        }
        var timeout: UInt64?
        var fail: FailChoice?
        for part in parts.dropFirst() {
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            switch (pair[0], pair.count) {
            case ("timeout", 2) where timeout == nil: timeout = try Self.milliseconds(pair[1], text)
            case ("fail", 2) where fail == nil:
                guard let choice = FailChoice(rawValue: String(pair[1])) else {
                    throw Self.failure(text, "says fail=\(pair[1]); write open or closed")
                }
                fail = choice
            default:
                throw Self.failure(text, "has \(quoted(String(part))); behind the path come timeout= and fail=, once")
            }
        }
        timeoutMilliseconds = timeout ?? Self.defaultTimeout
        self.fail = fail ?? .closed
    }

    /// Reads all entries. Lists are split at commas in the environment and in files; what belongs to an entry is put
    /// together again.
    ///
    /// - Throws: `invalid` for a bad entry, more than ``maxCount``, or a name that two have.
    package static func list(_ values: [String]) throws(Failure) -> [PlugInSetting] {
        var texts: [String] = []
        for value in values {
            if let last = texts.indices.last, !value.contains("=unix:") {
                texts[last] += "," + value
            } else {
                texts.append(value)
            }
        }
        guard texts.count <= maxCount else {
            throw Failure(.invalid, "extension: \(texts.count) entries are over the limit of \(maxCount)")
        }
        var settings: [PlugInSetting] = []
        for text in texts {
            let setting = try PlugInSetting(text)
            guard !settings.contains(where: { $0.name == setting.name }) else {
                throw Failure(.invalid, "extension: \(quoted(setting.name.text)) is the name of two entries")
            }
            settings.append(setting)
        }
        return settings
    }

    /// The entry as it is read.
    package var description: String {
        "\(name.text)=unix:\(path),timeout=\(timeoutMilliseconds)ms,fail=\(fail.rawValue)"
    }

    private static func milliseconds(_ value: Substring, _ text: String) throws(Failure) -> UInt64 {
        let (digits, unit): (Substring, UInt64) =
            value.hasSuffix("ms") ? (value.dropLast(2), 1) : (value.dropLast(), 1000)
        guard value.hasSuffix("s"), let number = UInt64(digits), number <= timeoutRange.upperBound,
            timeoutRange.contains(number * unit)
        else { throw failure(text, "says timeout=\(value); write 1ms to 60s") }
        return number * unit
    }

    private static func failure(_ text: String, _ reason: String) -> Failure {
        Failure(.invalid, "extension: \(quoted(text)) \(reason)")
    }
}
