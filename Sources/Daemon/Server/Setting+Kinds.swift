internal import Model

/// The kinds of settings, by what they take.
extension Setting {
    static func text(
        _ key: String, _ help: String, _ path: any WritableKeyPath<Configuration, String> & Sendable,
        rule: @escaping @Sendable (String, String) throws(Failure) -> Void = { _, _ throws(Failure) in }
    ) -> Setting {
        Setting(
            key: key, help: help, isList: false, read: { [$0[keyPath: path]] },
            write: { (configuration, values) throws(Failure) in
                let value = try single(key, values)
                try rule(key, value)
                configuration[keyPath: path] = value
            })
    }

    static func bool(
        _ key: String, _ help: String, _ path: any WritableKeyPath<Configuration, Bool> & Sendable, isFlag: Bool = true
    ) -> Setting {
        Setting(
            key: key, help: help + "; true or false", isList: false, isFlag: isFlag,
            read: { [String($0[keyPath: path])] },
            write: { (configuration, values) throws(Failure) in
                let value = try single(key, values)
                guard let flag = Bool(value) else {
                    throw Failure(.invalid, "\(key): \(quoted(value)) is neither true nor false")
                }
                configuration[keyPath: path] = flag
            })
    }

    static func mode(
        _ key: String, _ help: String, _ path: any WritableKeyPath<Configuration, UInt32> & Sendable
    ) -> Setting {
        Setting(
            key: key, help: help, isList: false,
            read: {
                let digits = String($0[keyPath: path], radix: 8)
                return [String(repeating: "0", count: max(4 - digits.count, 0)) + digits]
            },
            write: { (configuration, values) throws(Failure) in
                let value = try single(key, values)
                guard (1...4).contains(value.utf8.count), let mode = UInt32(value, radix: 8), mode <= 0o777 else {
                    throw Failure(.invalid, "\(key): \(quoted(value)) is out of range; 0000 to 0777, octal")
                }
                configuration[keyPath: path] = mode
            })
    }

    static func number(
        _ key: String, _ help: String, _ path: any WritableKeyPath<Configuration, UInt32> & Sendable,
        _ range: ClosedRange<UInt32>
    ) -> Setting {
        Setting(
            key: key, help: help, isList: false, read: { [String($0[keyPath: path])] },
            write: { (configuration, values) throws(Failure) in
                let value = try single(key, values)
                guard let number = UInt32(value), range.contains(number) else {
                    throw Failure(
                        .invalid, "\(key): \(quoted(value)) is out of range; \(range.lowerBound) to \(range.upperBound)"
                    )
                }
                configuration[keyPath: path] = number
            })
    }

    static func seconds(
        _ key: String, _ help: String, _ path: any WritableKeyPath<Configuration, Double> & Sendable,
        _ range: ClosedRange<Double>
    ) -> Setting {
        Setting(
            key: key, help: help + ", seconds", isList: false, read: { [format($0[keyPath: path])] },
            write: { (configuration, values) throws(Failure) in
                let value = try single(key, values)
                // `30s` is what people write; the unit is always seconds.
                let digits = value.hasSuffix("s") ? String(value.dropLast()) : value
                guard let number = Double(digits), range.contains(number) else {
                    throw Failure(
                        .invalid,
                        "\(key): \(quoted(value)) is out of range; \(format(range.lowerBound)) to "
                            + "\(format(range.upperBound)) seconds")
                }
                configuration[keyPath: path] = number
            })
    }

    static func format(_ value: Double) -> String {
        value == value.rounded() ? String(Int64(value)) : String(value)
    }

    static func single(_ key: String, _ values: [String]) throws(Failure) -> String {
        guard values.count == 1, let value = values.first else {
            throw Failure(.invalid, "\(key): takes one value, not \(values.count)")
        }
        return value
    }

    static func absolutePath(_ key: String, _ value: String) throws(Failure) {
        guard value.hasPrefix("/"), value.utf8.count <= 4096, !value.utf8.contains(0) else {
            throw Failure(.invalid, "\(key): \(quoted(value)) is not an absolute path")
        }
    }

    static func absolutePathOrNothing(_ key: String, _ value: String) throws(Failure) {
        if !value.isEmpty { try absolutePath(key, value) }
    }
}
