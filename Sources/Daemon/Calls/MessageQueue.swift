/// Messages in order, and what they cost together. Not thread-safe.
struct MessageQueue {
    /// What is around a message in memory, bytes: many small ones must not cost more than they count.
    private static let overhead = 64

    private var messages: [[UInt8]] = []
    private var start = 0
    /// The cost of all that wait, bytes.
    private(set) var cost = 0

    /// What a message of so many bytes costs.
    static func cost(of count: Int) -> Int { count + overhead }

    /// Messages that wait.
    var count: Int { messages.count - start }
    var isEmpty: Bool { start == messages.count }
    /// The oldest one.
    var first: [UInt8]? { isEmpty ? nil : messages[start] }

    mutating func append(_ message: [UInt8]) {
        messages.append(message)
        cost += Self.cost(of: message.count)
    }

    /// Takes the oldest one out and gives what it cost; there must be one.
    mutating func removeFirst() -> Int {
        let cost = Self.cost(of: messages[start].count)
        self.cost -= cost
        // A queue that never runs empty must not keep what it has given away.
        messages[start] = []
        start += 1
        if isEmpty {
            removeAll()
        } else if start >= 64 && start * 2 >= messages.count {
            messages.removeFirst(start)
            start = 0
        }
        return cost
    }

    mutating func removeAll() {
        messages = []
        start = 0
        cost = 0
    }
}
