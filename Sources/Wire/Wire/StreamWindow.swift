/// Which stream ids a peer has used on a connection. A pure machine; takes constant memory.
///
/// Ids may arrive out of order (ttrpc for Rust lets its tasks overtake each other), so what is remembered is the highest
/// id and a window below it. An id that has fallen out of the window counts as used.
package struct StreamWindow: Sendable {
    /// How many odd ids the window holds.
    package static let size = 1024

    /// What an id of a Request frame is.
    package enum Verdict: Equatable, Sendable {
        /// Not used before; it is now.
        case new
        /// Even or zero: not a client's to use.
        case foreign
        /// Active or finished, or so far below the highest one that nobody remembers.
        case used
    }

    /// The highest id that was taken; 0: none yet.
    package private(set) var highest: UInt32 = 0
    /// One bit for each odd id, at its number modulo ``size``.
    private var bits = [UInt64](repeating: 0, count: StreamWindow.size / 64)

    package init() {}

    /// Takes an id of a Request frame.
    package mutating func take(_ id: UInt32) -> Verdict {
        guard id % 2 == 1 else { return .foreign }
        let number = Int(id >> 1)
        if highest == 0 || id > highest {
            let first = highest == 0 ? 0 : Int(highest >> 1) + 1
            // What lies between is unused so far; the bits there belonged to ids a window ago.
            if number - first >= Self.size {
                for index in bits.indices { bits[index] = 0 }
            } else {
                clear(first, through: number)
            }
            highest = id
        } else if Int(highest >> 1) - number >= Self.size || isSet(number) {
            return .used
        }
        bits[number % Self.size / 64] |= 1 << UInt64(number % 64)
        return .new
    }

    private mutating func clear(_ first: Int, through last: Int) {
        var number = first
        while number <= last {
            // As many as the word holds from here on.
            let count = min(64 - number % 64, last - number + 1)
            bits[number % Self.size / 64] &= ~((UInt64.max >> UInt64(64 - count)) << UInt64(number % 64))
            number += count
        }
    }

    private func isSet(_ number: Int) -> Bool {
        bits[number % Self.size / 64] & 1 << UInt64(number % 64) != 0
    }
}
