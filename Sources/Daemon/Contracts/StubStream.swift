package import Drivers
package import Loop
package import Model
package final class ProcessStream: FunctionStream {
    package func send(_ message: UnsafeRawBufferPointer) -> Bool { true }
    package func endInput() {}
    package func pause() {}
    package func resume() {}
    package func cancel() {}
    package func exited(_ description: String, success: Bool) {}
}
package func makeFunctionStream(
    format: FunctionSpec.Format, loop: EventLoop, sandbox: Sandbox, plan: Assignment, call: FunctionStreamCall,
    owner: any FunctionStreamOwner
) throws(Failure) -> any FunctionStream { throw Failure(.unimplemented, "stub") }
