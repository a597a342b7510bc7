/// Colours of a terminal, or none.
enum Style: Hashable {
    case plain
    case colored

    enum Kind: String {
        // Select Graphic Rendition (ECMA-48 section 8.3.117). The eight basic colours follow the terminal's theme, so that they
        // can be read on dark and on light ground; "dim" is told by grey, as some terminals show faint text like any other.
        case received = "36"
        case sent = "32"
        case route = "35"
        case good = "1;32"
        case bad = "31"
        case dim = "90"
    }

    func apply(_ kind: Kind, to text: String) -> String {
        self == .plain || text.isEmpty ? text : "\u{1B}[\(kind.rawValue)m\(text)\u{1B}[0m"
    }

    /// - Parameter environment: `NO_COLOR` (no-color.org) and `TERM=dumb` ask for none.
    init(_ choice: ColorChoice, isTerminal: Bool, environment: [String: String]) {
        switch choice {
        case .always: self = .colored
        case .never: self = .plain
        case .auto:
            let refuses = environment["NO_COLOR"].map { !$0.isEmpty } ?? false
            self = isTerminal && !refuses && environment["TERM"] != "dumb" ? .colored : .plain
        }
    }
}
