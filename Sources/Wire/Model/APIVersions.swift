/// One version of what the management methods mean; neither the wire's nor the database's version.
package struct APIVersion: Sendable, Hashable {
    /// Odd: a release. Even: a test version, which may change from day to day; 0 is the draft of 1.
    package let number: UInt32
    package let status: Status

    /// What a caller may expect of it.
    package enum Status: Sendable, Hashable {
        /// The newest release.
        case current
        /// An older release that stays.
        case supported
        /// A release that goes on the day of `sunset`.
        case deprecated(sunset: Timestamp)
        /// Not finished; needs the setting `allow-test-versions`.
        case test

        /// When a deprecated version goes; `nil` of others.
        package var sunset: Timestamp? { if case .deprecated(let sunset) = self { sunset } else { nil } }

        /// In one word: `current`, `supported`, `deprecated`, `test`.
        package var name: String {
            switch self {
            case .current: "current"
            case .supported: "supported"
            case .deprecated: "deprecated"
            case .test: "test"
            }
        }
    }

    /// - Parameter status: ``Status/test`` for even numbers, and for no others.
    package init(_ number: UInt32, _ status: Status) {
        precondition((number % 2 == 0) == (status == .test), "BUG: test versions are even, releases odd")
        self.number = number
        self.status = status
    }

    /// What callers are told with every answer; `nil`: nothing.
    package var warning: String? {
        guard let sunset = status.sunset else { return nil }
        return "api_version \(number) is deprecated; sunset \(sunset.rfc3339(fractionDigits: 0).prefix(10))"
    }
}

/// The versions that a daemon serves. Immutable.
package struct APIVersions: Sendable, Hashable {
    /// Request metadata that names one, and response metadata that says which one it was.
    package static let metadataKey: StaticString = "fnrpc-api-version"
    /// Response metadata with ``APIVersion/warning``.
    package static let warningKey: StaticString = "fnrpc-warning"
    /// What this daemon is made for.
    package static let shipped = [APIVersion(0, .test), APIVersion(1, .current), APIVersion(2, .test)]

    /// By their numbers.
    package let all: [APIVersion]
    /// Whether requests may name test versions.
    package let allowsTest: Bool
    /// What a request means that names none: the newest release.
    package let current: APIVersion

    /// - Parameter all: exactly one of them is ``APIVersion/Status/current``.
    package init(_ all: [APIVersion] = APIVersions.shipped, allowsTest: Bool) {
        let current = all.filter { $0.status == .current }
        precondition(current.count == 1, "BUG: one version is the current one")
        self.all = all.sorted { $0.number < $1.number }
        self.allowsTest = allowsTest
        self.current = current[0]
    }

    /// Those that requests may name.
    package var accepted: [APIVersion] { all.filter { allowsTest || $0.status != .test } }

    /// The version that a request names.
    ///
    /// - Parameter text: the metadata's value: decimal digits, without zeros in front.
    /// - Throws: `invalid` for what is no number of a version, `precondition` for a test version that is not allowed.
    package func version(named text: UnsafeRawBufferPointer) throws(Failure) -> APIVersion {
        let text = String(decoding: text, as: UTF8.self)
        // In one spelling: 1, but neither 01 nor +1.
        guard let version = all.first(where: { String($0.number) == text }) else {
            throw Failure(
                .invalid,
                "\(Self.metadataKey): \(quoted(text)) is not a version of this daemon; it accepts "
                    + accepted.map { String($0.number) }.joined(separator: ", "))
        }
        guard allowsTest || version.status != .test else {
            throw Failure(
                .precondition,
                "\(Self.metadataKey): \(version.number) is a test version; the daemon serves it with the setting "
                    + "allow-test-versions only")
        }
        return version
    }
}
