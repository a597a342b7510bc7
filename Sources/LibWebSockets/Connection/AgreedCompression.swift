internal import WebSocketProtocol

/// The compression that both sides have agreed on, with this side's part in it.
struct AgreedCompression {
    let parameters: DeflateParameters
    let options: WebSocketCompression.DeflateOptions

    /// `nil` when the server declined.
    init?(_ parameters: DeflateParameters?, _ compression: WebSocketCompression) {
        guard let parameters, let options = compression.deflateOptions else { return nil }
        self.parameters = parameters
        self.options = options
    }

    /// As a server, to a client's offers; `nil` when it declines.
    init?(accepting offers: [WebSocketExtension], _ compression: WebSocketCompression) {
        guard let options = compression.deflateOptions,
            let parameters = DeflateParameters(accepting: offers, options: options)
        else { return nil }
        self.parameters = parameters
        self.options = options
    }
}

extension WebSocketCompression {
    /// The offers that a client puts into its request.
    var offers: [WebSocketExtension] {
        deflateOptions.map { [DeflateParameters(offering: $0).offer] } ?? []
    }

    func validate() throws(WebSocketError) {
        guard let problem = deflateOptions?.problem else { return }
        throw WebSocketError(.invalidConfiguration, stage: .configuration, message: problem)
    }
}
