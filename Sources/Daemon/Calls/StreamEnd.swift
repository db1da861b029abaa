internal import Model

/// How a function ended a streamed call, with what was borrowed copied.
enum StreamEnd: Sendable {
    case finished
    case response([UInt8])
    case failed(code: Int32, message: String, status: [UInt8])
    case refused(Failure)
    case broken(String)
}
