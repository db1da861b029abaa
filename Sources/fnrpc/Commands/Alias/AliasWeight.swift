import ArgumentParser
import Model

/// A second version and its share of the calls: `4=10%`, `4=0.25%`.
struct AliasWeight: OptionValue, Equatable {
    static let rule = "VERSION=PERCENT%, from 0% to 100% to the hundredth of a percent, such as 4=0.25%"

    let version: UInt32
    /// Of ``Alias/Target/fullWeight`` calls.
    let weight: UInt32

    init?(argument: String) {
        let parts = argument.split(separator: "=", omittingEmptySubsequences: false)
        guard parts.count == 2, let version = UInt32(parts[0]), version > 0, parts[1].hasSuffix("%"),
            let weight = Self.weight(parts[1].dropLast())
        else { return nil }
        (self.version, self.weight) = (version, weight)
    }

    /// A percentage with at most two decimals, in hundredths.
    private static func weight(_ text: Substring) -> UInt32? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), let whole = digits(parts[0], 1...3) else { return nil }
        var weight = whole * 100
        if parts.count == 2 {
            guard let decimals = digits(parts[1], 1...2) else { return nil }
            weight += parts[1].count == 1 ? decimals * 10 : decimals
        }
        return weight <= Alias.Target.fullWeight ? weight : nil
    }

    private static func digits(_ text: Substring, _ count: ClosedRange<Int>) -> UInt32? {
        guard count.contains(text.utf8.count), text.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
        return UInt32(text)
    }

    /// A weight as a percentage.
    static func percent(_ weight: UInt32) -> String {
        let (whole, rest) = (weight / 100, weight % 100)
        if rest == 0 { return "\(whole)%" }
        return rest % 10 == 0 ? "\(whole).\(rest / 10)%" : "\(whole).\(rest < 10 ? "0" : "")\(rest)%"
    }
}
