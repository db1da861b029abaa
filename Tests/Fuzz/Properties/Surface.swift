/// What must hold for any bytes at all. The fuzzer and the tests check the same properties.
package enum Surface: String, CaseIterable, Sendable {
    /// ``FrameStep`` on input that arrives in any pieces.
    case frames
    /// ``RequestEnvelope`` beside protobuf-c.
    case request
    /// ``ResponseEnvelope`` beside protobuf-c.
    case response
    /// ``InvokeScan`` beside protobuf-c.
    case invoke
    /// ``InvokeStreamScan`` beside protobuf-c.
    case stream
    /// The parser of functions' HTTP responses, on input that arrives in any pieces.
    case http
    /// What hot functions write to standard output, in any pieces, and its JSON.
    case pipes
    /// ``PathSegments`` and ``TriggerSource``: what is taken is in one spelling.
    case path
    /// Every request message: decoded, encoded again, and decoded with too little memory at every step.
    case messages
    /// ``Filter``: what parses, prints, and then parses to the same.
    case filter

    /// Checks the surface's properties.
    ///
    /// - Throws: what does not hold.
    package func check(_ bytes: UnsafeRawBufferPointer) throws(PropertyFailure) {
        switch self {
        case .frames: try checkFrames(bytes)
        case .request: try checkRequest(bytes)
        case .response: try checkResponse(bytes)
        case .invoke: try checkInvoke(bytes)
        case .stream: try checkInvokeStream(bytes)
        case .http: try checkHTTP(bytes)
        case .pipes: try checkPipes(bytes)
        case .path: try checkPath(bytes)
        case .messages: try checkMessages(bytes)
        case .filter: try checkFilter(bytes)
        }
    }
}

/// A property that does not hold.
package struct PropertyFailure: Error, CustomStringConvertible {
    package let description: String

    init(_ description: String) {
        self.description = description
    }
}

/// Throws unless something holds.
func require(_ holds: Bool, _ otherwise: @autoclosure () -> String) throws(PropertyFailure) {
    if !holds { throw PropertyFailure(otherwise()) }
}

/// SplitMix64: the same numbers for the same seed.
package struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    package init(seed: UInt64) {
        state = seed
    }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var result = state
        result = (result ^ (result >> 30)) &* 0xBF58_476D_1CE4_E5B9
        result = (result ^ (result >> 27)) &* 0x94D0_49BB_1331_11EB
        return result ^ (result >> 31)
    }
}
