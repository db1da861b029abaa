internal import Calls
internal import Model

extension Caller {
    /// Whether methods for everybody may tell it of a function: it may look at all of them, or call this one.
    func maySee(_ function: Function) -> Bool {
        let grants = principal.grants
        return grants.allowsRead
            || grants.allowsCall(app: function.appName.text.utf8, function: function.name.text.utf8)
    }
}
