extension StringProtocol {
    /// Returns a peer's text as it can be shown to a person or a log: no more than `limit` characters, on one line, nothing
    /// that moves a cursor, turns the direction of writing or cannot be seen.
    package func visible(limit: Int) -> String {
        let scalars = unicodeScalars.prefix(limit)
        let shown = scalars.map { $0.isVisible ? String($0) : $0.escaped(asASCII: true) }.joined()
        return scalars.endIndex == unicodeScalars.endIndex ? shown : "\(shown)…"
    }
}

extension Unicode.Scalar {
    fileprivate var isVisible: Bool {
        switch properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: false
        default: !properties.isDefaultIgnorableCodePoint
        }
    }
}
