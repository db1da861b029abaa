import Model
import Testing

@Suite struct GrantsTests {
    private func scope(_ text: String) throws -> Scope { try Scope(text, field: "scopes") }

    @Test(arguments: ["admin", "read", "invoke", "invoke:shop", "invoke:shop/hello"])
    func scopesReadBackTheSame(text: String) throws {
        #expect(try scope(text).description == text)
    }

    @Test(arguments: [
        "", "Admin", "invoke:", "invoke:/f", "invoke:a/", "invoke:a/b/c", "invoke:a b", "write", "invoke ",
    ])
    func otherTextIsRefused(text: String) {
        let failure = #expect(throws: Failure.self) { try scope(text) }
        #expect(failure?.code == .invalid && failure?.message.hasPrefix("scopes: ") == true)
    }

    @Test func grantsAllowWhatTheirScopesSay() throws {
        let functions = [("shop", "hello"), ("shop", "hell"), ("shop2", "hello"), ("", ""), ("shop", "")]
        let cases: [([String], [Bool])] = [
            ([], [false, false, false, false, false]), (["read"], [false, false, false, false, false]),
            (["admin"], [true, true, true, true, true]), (["invoke"], [true, true, true, true, true]),
            (["invoke:shop"], [true, true, false, false, true]),
            (["invoke:shop/hello"], [true, false, false, false, false]),
            (["read", "invoke:shop/hello", "invoke:shop2"], [true, false, true, false, false]),
        ]
        for (texts, allowed) in cases {
            let grants = Grants(try texts.map(scope))
            for (index, (app, function)) in functions.enumerated() {
                #expect(grants.allowsCall(app: app.utf8, function: function.utf8) == allowed[index], "\(texts) \(app)")
                // Not only text in one piece.
                let pieces = (app.utf8.map { $0 }.lazy.map { $0 }, Array(function.utf8))
                #expect(grants.allowsCall(app: pieces.0, function: pieces.1) == allowed[index])
            }
            #expect(grants.allowsSomeCalls == allowed.contains(true))
        }
        #expect(Grants([.read]).allowsRead && Grants.all.allowsRead && !Grants([.invoke]).allowsRead)
        #expect(Grants.none.isEmpty && Grants.all.allowsAdmin && !Grants([.read, .invoke]).allowsAdmin)
    }

    @Test func oneAppIsTheDefault() throws {
        func only(_ texts: String...) throws -> String? { Grants(try texts.map(scope)).onlyApp }
        #expect(try only("invoke:shop", "invoke:shop/hello", "read") == "shop")
        #expect(try only("invoke:shop", "invoke:blog") == nil && only("invoke", "invoke:shop") == nil)
        #expect(try only("read") == nil && only() == nil)
    }

    @Test func aPrincipalEndsAndRemembersItsUse() {
        let end = Timestamp(nanoseconds: 5_000_000_000)
        let principal = Principal(.nobody, grants: .none, expiresAt: end)
        #expect(!principal.isExpired(at: Timestamp(nanoseconds: 4_999_999_999)) && principal.isExpired(at: end))
        #expect(principal.lastUse == nil && !Principal(.nobody, grants: .none).isExpired(at: end))
        principal.noteUse(at: Timestamp(nanoseconds: 2_000_000_000))
        principal.noteUse(at: Timestamp(nanoseconds: 2_999_999_999))
        #expect(principal.lastUse == Timestamp(nanoseconds: 2_000_000_000))
        principal.noteUse(at: Timestamp(nanoseconds: 3_000_000_000))
        #expect(principal.lastUse == Timestamp(nanoseconds: 3_000_000_000))
    }
}
