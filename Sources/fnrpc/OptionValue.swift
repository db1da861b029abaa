import ArgumentParser

/// The value of an option or argument, read by `transform: T.read`: what is refused is told with its rule.
/// Help does not show the default of what is read so: the text does.
protocol OptionValue: ExpressibleByArgument {
    /// What it must look like, with its limits.
    static var rule: String { get }
}

extension OptionValue {
    /// - Throws: a usage error with the rule.
    @Sendable static func read(_ text: String) throws -> Self {
        guard let value = Self(argument: text) else { throw ValidationError(rule) }
        return value
    }
}

extension OptionValue where Self: FixedWidthInteger {
    static var rule: String { "a whole number from \(min) to \(max)" }
}

extension Int: OptionValue {}
extension UInt32: OptionValue {}
extension UInt64: OptionValue {}
