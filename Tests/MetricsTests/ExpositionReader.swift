import Testing

/// A strict reader of Prometheus' exposition format 0.0.4: whatever the format forbids is an error.
struct ExpositionReader {
    struct Problem: Error, CustomStringConvertible {
        let description: String
    }

    private(set) var kinds: [String: String] = [:]
    private(set) var families: [String] = []
    /// By name and labels as they are written: `name{a="b"}`.
    private(set) var values: [String: Double] = [:]
    private var helps: Set<String> = []

    init(_ text: [UInt8]) throws {
        let text = try #require(String(validating: text, as: UTF8.self))
        guard text.hasSuffix("\n") else { throw Problem(description: "no line feed at the end") }
        for line in text.dropLast().split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("# ") { try comment(line.dropFirst(2)) } else { try sample(line) }
        }
        for family in families where kinds[family] == "histogram" { try checkBuckets(family) }
    }

    private mutating func comment(_ line: Substring) throws {
        let words = line.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
        guard words.count == 3, Self.isName(words[1]) else { throw Problem(description: "comment: \(line)") }
        switch words[0] {
        case "HELP":
            guard helps.insert(words[1]).inserted else { throw Problem(description: "HELP twice: \(words[1])") }
            _ = try Self.unescape(words[2][...], escapes: ["\\": "\\", "n": "\n"])
        case "TYPE":
            guard helps.contains(words[1]), kinds[words[1]] == nil,
                ["counter", "gauge", "histogram"].contains(words[2])
            else { throw Problem(description: "TYPE: \(line)") }
            kinds[words[1]] = words[2]
            families.append(words[1])
        default: throw Problem(description: "comment: \(line)")
        }
    }

    private mutating func sample(_ line: Substring) throws {
        guard let blank = line.lastIndex(of: " "), let value = Double(line[line.index(after: blank)...]) else {
            throw Problem(description: "no value: \(line)")
        }
        let key = line[..<blank]
        let name = String(key.prefix { $0 != "{" })
        guard let family = families.last, Self.isName(name) else { throw Problem(description: "name: \(line)") }
        let suffixes = kinds[family] == "histogram" ? ["_bucket", "_sum", "_count"] : [""]
        guard suffixes.contains(where: { name == family + $0 }) else {
            throw Problem(description: "\(line) is outside of its family")
        }
        guard kinds[family] != "counter" || name.hasSuffix("_total"), value >= 0 else {
            throw Problem(description: "counter: \(line)")
        }
        try labels(key.dropFirst(name.count))
        guard values.updateValue(value, forKey: String(key)) == nil else { throw Problem(description: "twice: \(key)") }
    }

    private func labels(_ text: Substring) throws {
        if text.isEmpty { return }
        guard text.first == "{", text.last == "}" else { throw Problem(description: "labels: \(text)") }
        var rest = text.dropFirst().dropLast()
        while !rest.isEmpty {
            let name = rest.prefix { $0 != "=" }
            guard Self.isName(String(name)), !name.contains(":"), rest.dropFirst(name.count).hasPrefix("=\"") else {
                throw Problem(description: "label: \(rest)")
            }
            rest = rest.dropFirst(name.count + 2)
            var value = Substring()
            var isEscaped = false
            while let next = rest.first, isEscaped || next != "\"" {
                isEscaped = !isEscaped && next == "\\"
                value.append(next)
                rest = rest.dropFirst()
            }
            _ = try Self.unescape(value, escapes: ["\\": "\\", "n": "\n", "\"": "\""])
            guard rest.first == "\"" else { throw Problem(description: "label without end: \(text)") }
            rest = rest.dropFirst()
            if rest.first == "," { rest = rest.dropFirst() }
        }
    }

    /// Buckets only grow and the last one is the count.
    private func checkBuckets(_ family: String) throws {
        for (key, count) in values where key.hasPrefix(family + "_count") {
            let labels = key.dropFirst((family + "_count").count).dropLast()
            let prefix = family + "_bucket" + (labels.isEmpty ? "{" : labels + ",") + "le=\""
            let buckets = values.filter { $0.key.hasPrefix(prefix) }.map { key, value in
                (Double(key.dropFirst(prefix.count).dropLast(2)) ?? .nan, value)
            }.sorted { $0.0 < $1.0 }
            guard buckets.last?.0 == .infinity, buckets.last?.1 == count else {
                throw Problem(description: "\(key): +Inf")
            }
            guard zip(buckets, buckets.dropFirst()).allSatisfy({ $0.1 <= $1.1 && $0.0 < $1.0 }) else {
                throw Problem(description: "\(key): buckets shrink")
            }
        }
    }

    private static func unescape(_ text: Substring, escapes: [Character: Character]) throws -> String {
        var result = ""
        var rest = text
        while let next = rest.popFirst() {
            guard next == "\\" else {
                result.append(next)
                continue
            }
            guard let code = rest.popFirst(), let meaning = escapes[code] else {
                throw Problem(description: "escape: \(text)")
            }
            result.append(meaning)
        }
        return result
    }

    private static func isName(_ text: String) -> Bool {
        !text.isEmpty && !(text.first?.isNumber ?? true)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: ":"):
                    true
                default: false
                }
            }
    }
}
