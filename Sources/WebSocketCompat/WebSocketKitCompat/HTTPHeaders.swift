/// Headers with their names as they are spelled, found whatever their case.
public struct HTTPHeaders: ExpressibleByDictionaryLiteral, Sequence, Sendable {
    private var fields: [(name: String, value: String)]

    /// Headers in the order in which they are given.
    public init(_ headers: [(String, String)] = []) {
        fields = headers.map { (name: $0.0, value: $0.1) }
    }

    public init(dictionaryLiteral elements: (String, String)...) {
        self.init(elements)
    }

    /// Adds a header beside those of the same name.
    public mutating func add(name: String, value: String) {
        fields.append((name: name, value: value))
    }

    /// Adds headers beside those of the same names.
    public mutating func add(contentsOf other: some Sequence<(name: String, value: String)>) {
        fields.append(contentsOf: other)
    }

    /// Adds a header in place of those of the same name.
    public mutating func replaceOrAdd(name: String, value: String) {
        remove(name: name)
        add(name: name, value: value)
    }

    /// Removes the headers of a name.
    public mutating func remove(name: String) {
        fields.removeAll { $0.name.lowercased() == name.lowercased() }
    }

    /// Tells whether there is a header of a name.
    public func contains(name: String) -> Bool {
        !self[name].isEmpty
    }

    /// The first value of a name.
    public func first(name: String) -> String? {
        self[name].first
    }

    /// The values of a name.
    public subscript(name: String) -> [String] {
        fields.filter { $0.name.lowercased() == name.lowercased() }.map(\.value)
    }

    /// The number of headers.
    public var count: Int { fields.count }

    /// There are no headers.
    public var isEmpty: Bool { fields.isEmpty }

    public func makeIterator() -> IndexingIterator<[(name: String, value: String)]> {
        fields.makeIterator()
    }
}
