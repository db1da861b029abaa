/// Calls that a deletion keeps away.
package enum GateTarget: Hashable, Sendable {
    /// Of every function of an app.
    case app(Identifier)
    /// Of a function: its working copy and its versions.
    case function(Identifier)
    /// Of a published version of a function. The working copy is none, whatever it equals.
    case version(UInt32, of: Identifier)
}
