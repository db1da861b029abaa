/// How long to wait before the next try to connect. A value.
struct Backoff {
    /// The first wait and the longest, milliseconds.
    static let first: UInt64 = 20
    static let longest: UInt64 = 1000

    private var wait = Backoff.first

    /// The wait before the next try, milliseconds; each is twice the one before.
    ///
    /// - Parameter lasted: milliseconds that the connection before it was of use. One that ends sooner than the longest wait
    ///   counts as none, so that nobody is asked for a new one all the time.
    mutating func next(after lasted: UInt64) -> UInt64 {
        if lasted >= Self.longest { wait = Self.first }
        defer { wait = min(wait * 2, Self.longest) }
        return wait
    }
}
