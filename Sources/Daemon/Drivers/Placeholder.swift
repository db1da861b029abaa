package import Model
package struct SandboxSpec: Sendable { package init(id: String, spec: FunctionSpec, packagePath: String, usesSocket: Bool, pipesStandardIO: Bool) {self.spec = spec}; package let spec: FunctionSpec }
package struct Assignment: Sendable { package let arguments: [String]; package let environment: [String]; package let workingDirectory: String
  package init(arguments: [String], environment: [String], workingDirectory: String) { self.arguments = arguments; self.environment = environment; self.workingDirectory = workingDirectory } }
package struct SandboxExit: Sendable { package let code: Int32?; package let signal: Int32? }
package enum SandboxReport: Sendable { case ready, started(pid: Int32), exited(SandboxExit), execFailed(errno: Int32) }
package enum NextReport { case none, report(SandboxReport), closed }
package final class Sandbox: Sendable {
  package let id = ""; package let control: Int32 = -1; package let log: Int32 = -1; package let input: Int32? = nil; package let output: Int32? = nil
  package func assign(_: Assignment) throws(Failure) {}
  package func awaitSocket(until: Instant) throws(Failure) {}
  package func connect() throws(Failure) -> Int32 { -1 }
  package func nextReport() -> NextReport { .none }
  package func closeInput() {}
  package func kill() {}
  package var ranOutOfMemory: Bool { false }
  package func destroy() {}
}
package protocol Driver: Sendable { func start(_ spec: SandboxSpec) throws(Failure) -> Sandbox }
