/// A reason why parameters cannot be used.
package enum DeflateParameterProblem: Error, Hashable {
    case unknown(String)
    case duplicate(String)
    case valueNotAllowed(String, String)
    case valueMissing(String)
    case windowBits(String, String)
    /// An answer that accepts more than one offer.
    case severalAnswers
    /// An answer names a limit that the client did not say it can keep.
    case notOffered(String)
    /// An answer leaves out what the offer demanded.
    case missing(String)
    case exceedsOffer(String, Int, offered: Int)
}

extension DeflateParameterProblem: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unknown(let name): "parameter \(HeaderSyntax.quoted(name)) is unknown"
        case .duplicate(let name): "parameter \(name) occurs twice"
        case .valueNotAllowed(let name, let value):
            "\(name) has the value \(HeaderSyntax.quoted(value)), but takes none"
        case .valueMissing(let name): "\(name) has no value"
        case .windowBits(let name, let value):
            "\(name) is \(HeaderSyntax.quoted(value)) instead of a number from 8 to 15"
        case .severalAnswers: "it is accepted twice"
        case .notOffered(let name): "\(name) was not offered"
        case .missing(let name): "\(name) was offered and is missing in the answer"
        case .exceedsOffer(let name, let value, let offered): "\(name) is \(value), more than the \(offered) offered"
        }
    }
}
