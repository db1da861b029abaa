package import Model

/// Every function by app and name. Goes in steps, so that nobody waits for long; it sees what is there when it comes by.
package struct FunctionWalk {
    /// Rows that are looked at with everybody else waiting, at most.
    package static let step = 256

    private let store: Store
    private var apps: ArraySlice<Row> = []
    private var functions: ArraySlice<Row> = []
    /// Whose functions are next.
    private var app: Row?
    private var nextApp: String
    private var nextFunction: String
    private let firstApp: String

    /// - Parameters:
    ///   - app: name of the app to begin with, or where it would be.
    ///   - function: as `app`, in that app.
    package init(_ store: Store, app: String = "", function: String = "") {
        self.store = store
        nextApp = app
        nextFunction = function
        firstApp = app
    }

    /// The next function; `nil` at the end.
    package mutating func next() throws(Failure) -> (app: Row, function: Row)? {
        while true {
            if let app {
                if functions.isEmpty { try fetchFunctions(of: app) }
                if let function = functions.popFirst() { return (app, function) }
            }
            if apps.isEmpty { try fetchApps() }
            guard let app = apps.popFirst() else { return nil }
            if app.key != firstApp { nextFunction = "" }
            self.app = app
        }
    }

    private mutating func fetchApps() throws(Failure) {
        let from = nextApp
        apps = try store.read { $0.children(.app, of: nil, from: from, limit: Self.step) }
        if let last = apps.last { nextApp = Self.after(last) }
    }

    private mutating func fetchFunctions(of app: Row) throws(Failure) {
        let from = nextFunction
        functions = try store.read { $0.children(.function, of: app.id, from: from, limit: Self.step) }
        if let last = functions.last { nextFunction = Self.after(last) }
    }

    /// The least text behind a row's key.
    private static func after(_ row: Row) -> String { row.key + "\u{0}" }
}

extension Store {
    /// How many versions the functions of an app have together.
    package func versionCount(ofApp id: Identifier) throws(Failure) -> Int {
        var count = 0
        var from = ""
        while true {
            let (last, found) = try read { tables in
                let functions = tables.children(.function, of: id, from: from, limit: FunctionWalk.step)
                return (functions.last, functions.reduce(0) { $0 + tables.children(.version, of: $1.id).count })
            }
            count += found
            guard let last else { return count }
            from = last.key + "\u{0}"
        }
    }
}
