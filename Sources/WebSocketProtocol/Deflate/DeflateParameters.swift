/// The parameters of permessage-deflate, as one side offers them or as both have agreed on them (RFC 7692 section 7.1).
package struct DeflateParameters: Hashable, Sendable {
    package static let extensionName = "permessage-deflate"
    /// RFC 7692 section 7.1.2.1.
    static let windowBits = 8...15
    /// zlib cannot compress into a window of 256 bytes (zlib.h, `deflateInit2`).
    static let windowBitsOfZlib = 9...15

    package var serverNoContextTakeover = false
    package var clientNoContextTakeover = false
    /// `nil`: not limited.
    package var serverMaxWindowBits: Int?
    /// `nil`: not limited; in an offer, that the client cannot limit it.
    package var clientMaxWindowBits: Int?

    package init() {}

    /// Reads an offer or an answer.
    init(_ member: WebSocketExtension, isOffer: Bool) throws(DeflateParameterProblem) {
        var seen: Set<String> = []
        for parameter in member.parameters {
            let name = parameter.name
            guard let known = Name(rawValue: name) else { throw .unknown(name) }
            guard seen.insert(name).inserted else { throw .duplicate(name) }
            switch known {
            case .serverNoContextTakeover, .clientNoContextTakeover:
                if let value = parameter.value { throw .valueNotAllowed(name, value) }
                if known == .serverNoContextTakeover {
                    serverNoContextTakeover = true
                } else {
                    clientNoContextTakeover = true
                }
            case .serverMaxWindowBits:
                guard let value = parameter.value else { throw .valueMissing(name) }
                serverMaxWindowBits = try Self.parse(value, of: name)
            case .clientMaxWindowBits:
                if let value = parameter.value {
                    clientMaxWindowBits = try Self.parse(value, of: name)
                } else if isOffer {
                    // "I can limit it": the same as an offer of the largest (RFC 7692 section 7.1.2.2).
                    clientMaxWindowBits = Self.windowBits.upperBound
                } else {
                    throw .valueMissing(name)
                }
            }
        }
    }

    /// "A decimal integer value without leading zeroes between 8 to 15" (RFC 7692 section 7.1.2).
    private static func parse(_ value: String, of name: String) throws(DeflateParameterProblem) -> Int {
        guard let bits = windowBits.first(where: { String($0) == value }) else { throw .windowBits(name, value) }
        return bits
    }

    fileprivate enum Name: String {
        case serverNoContextTakeover = "server_no_context_takeover"
        case clientNoContextTakeover = "client_no_context_takeover"
        case serverMaxWindowBits = "server_max_window_bits"
        case clientMaxWindowBits = "client_max_window_bits"
    }
}

// MARK: - Negotiation

extension DeflateParameters {
    /// Makes a client's offer.
    ///
    /// Its own window is offered without a value, as browsers do: a server that needs a limit names it, and this side
    /// may use less than was agreed in any case.
    package init(offering options: WebSocketCompression.DeflateOptions) {
        serverNoContextTakeover = !options.peerContextTakeover
        clientNoContextTakeover = !options.contextTakeover
        serverMaxWindowBits = Self.limit(options.peerWindowBits)
        clientMaxWindowBits = Self.windowBits.upperBound
    }

    /// Makes a server's answer to the first offer that it can accept (RFC 7692 section 5.1); `nil` when it declines all. An
    /// invalid offer is declined, but is no reason to refuse the connection (section 7.1).
    package init?(accepting offers: [WebSocketExtension], options: WebSocketCompression.DeflateOptions) {
        for member in offers where member.name == Self.extensionName {
            guard let offer = try? DeflateParameters(member, isOffer: true) else { continue }
            if let bits = offer.serverMaxWindowBits, !Self.windowBitsOfZlib.contains(bits) { continue }
            serverNoContextTakeover = offer.serverNoContextTakeover || !options.contextTakeover
            clientNoContextTakeover = offer.clientNoContextTakeover || !options.peerContextTakeover
            serverMaxWindowBits =
                offer.serverMaxWindowBits.map { min($0, options.windowBits) } ?? Self.limit(options.windowBits)
            clientMaxWindowBits = offer.clientMaxWindowBits.flatMap { Self.limit(min($0, options.peerWindowBits)) }
            return
        }
        return nil
    }

    func check(againstAnyOf offers: [WebSocketExtension]) throws(DeflateParameterProblem) {
        // The problem with the offer that was preferred says most.
        var firstProblem: DeflateParameterProblem?
        for offer in offers {
            do throws(DeflateParameterProblem) {
                try check(against: DeflateParameters(offer, isOffer: true))
                return
            } catch {
                firstProblem = firstProblem ?? error
            }
        }
        if let firstProblem { throw firstProblem }
    }

    private func check(against offer: DeflateParameters) throws(DeflateParameterProblem) {
        if offer.serverNoContextTakeover, !serverNoContextTakeover {
            throw .missing(Name.serverNoContextTakeover.rawValue)
        }
        if let offered = offer.serverMaxWindowBits {
            guard let bits = serverMaxWindowBits else { throw .missing(Name.serverMaxWindowBits.rawValue) }
            guard bits <= offered else {
                throw .exceedsOffer(Name.serverMaxWindowBits.rawValue, bits, offered: offered)
            }
        }
        if let bits = clientMaxWindowBits {
            guard let offered = offer.clientMaxWindowBits else { throw .notOffered(Name.clientMaxWindowBits.rawValue) }
            guard bits <= offered else {
                throw .exceedsOffer(Name.clientMaxWindowBits.rawValue, bits, offered: offered)
            }
        }
    }

    private static func limit(_ bits: Int) -> Int? {
        bits < windowBits.upperBound ? bits : nil
    }

    /// As it stands in the header of an offer.
    package var offer: WebSocketExtension {
        makeExtension(isOffer: true)
    }

    /// As it stands in the header of an answer.
    package var answer: WebSocketExtension {
        makeExtension(isOffer: false)
    }

    private func makeExtension(isOffer: Bool) -> WebSocketExtension {
        var parameters: [WebSocketExtension.Parameter] = []
        if serverNoContextTakeover { parameters.append(.init(Name.serverNoContextTakeover.rawValue)) }
        if clientNoContextTakeover { parameters.append(.init(Name.clientNoContextTakeover.rawValue)) }
        if let serverMaxWindowBits {
            parameters.append(.init(Name.serverMaxWindowBits.rawValue, String(serverMaxWindowBits)))
        }
        if let clientMaxWindowBits {
            let hasValue = !isOffer || clientMaxWindowBits < Self.windowBits.upperBound
            parameters.append(.init(Name.clientMaxWindowBits.rawValue, hasValue ? String(clientMaxWindowBits) : nil))
        }
        return WebSocketExtension(Self.extensionName, parameters: parameters)
    }
}
