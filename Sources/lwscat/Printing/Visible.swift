extension String {
    /// What a peer wrote, as a terminal may show it: nothing that moves its cursor, changes its colours or its title, turns
    /// the direction of writing or cannot be seen. Line ends and tabs stay.
    var visibleOnTerminal: String {
        // Nearly every message is fine as it is.
        if unicodeScalars.allSatisfy(\.isHarmless) { return self }
        return unicodeScalars.reduce(into: "") { text, scalar in
            text += scalar.isHarmless ? String(scalar) : scalar.escaped(asASCII: true)
        }
    }

    /// The same for JSON, which means what it meant before.
    var visibleJSON: String {
        if unicodeScalars.allSatisfy(\.isHarmless) { return self }
        return unicodeScalars.reduce(into: "") { text, scalar in
            text += scalar.isHarmless ? String(scalar) : scalar.utf16.map(Self.jsonEscape).joined()
        }
    }

    private static func jsonEscape(_ unit: UInt16) -> String {
        let digits = String(unit, radix: 16)
        return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    }
}

extension Unicode.Scalar {
    fileprivate var isHarmless: Bool {
        if self == "\n" || self == "\t" { return true }
        switch properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator, .surrogate, .unassigned: return false
        // Joiners of emoji and of Indic scripts are fine; what turns the direction is not.
        case .format: return self == "\u{200D}" || self == "\u{200C}"
        default: return true
        }
    }
}

extension Duration {
    /// In milliseconds below a second, else in seconds.
    var words: String {
        let seconds = self / .seconds(1)
        if seconds < 1 { return "\(Self.rounded(seconds * 1_000, digits: 3)) ms" }
        return "\(Self.rounded(seconds, digits: 1)) s"
    }

    private static func rounded(_ value: Double, digits: Int) -> String {
        let factor = digits == 3 ? 1_000.0 : 10.0
        let rounded = (value * factor).rounded() / factor
        return rounded == rounded.rounded() && rounded.magnitude < 1e15 ? String(Int64(rounded)) : String(rounded)
    }
}
