internal import Model
internal import Wire

/// A page while it is made: it ends before the item that is one too many, or that makes it longer than
/// ``PageRequest/maxBytes``.
struct PageBuilder<Item: Sendable> {
    private let limit: Int
    private let list: Cursor.List
    private var page = ListPage<Item>(items: [], nextCursor: "")
    private var bytes = 0
    private var lastKey = ""

    /// - Throws: `invalid` for a size that is out of range.
    init(_ request: PageRequest, _ list: Cursor.List) throws(Failure) {
        limit = try request.limit()
        self.list = list
    }

    /// Adds an item, if there is room for it.
    ///
    /// - Parameters:
    ///   - bytes: of its message.
    ///   - key: where the next page starts if this is the last one.
    /// - Returns: `false`: it belongs to the next page.
    mutating func add(_ item: Item, bytes: Int, key: String) -> Bool {
        let size = FieldSize.field(1, length: bytes)
        guard page.items.isEmpty || page.items.count < limit && self.bytes + size <= PageRequest.maxBytes else {
            page.nextCursor = Cursor.text(of: lastKey, in: list)
            return false
        }
        page.items.append(item)
        self.bytes += size
        lastKey = key
        return true
    }

    /// What was added; its cursor is empty if everything was.
    func finish() -> ListPage<Item> { page }
}
