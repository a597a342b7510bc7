import WebSocketProtocol

/// Our side of a connection: whether it is the server, whether messages can be compressed, what was agreed on
/// (`server_no_context_takeover`, `client_no_context_takeover`, and the two limits, 0 for none), and our options: level, memory
/// level, window bits, context takeover. A byte each.
struct Setup {
    let role: Role
    let parameters: DeflateParameters?
    let options: WebSocketCompression.DeflateOptions

    init(_ question: inout Question) {
        role = question.flag() ? .server : .client
        let isCompressed = question.flag()
        var parameters = DeflateParameters()
        parameters.serverNoContextTakeover = question.flag()
        parameters.clientNoContextTakeover = question.flag()
        let (serverBits, clientBits) = (Int(question.byte()), Int(question.byte()))
        parameters.serverMaxWindowBits = serverBits == 0 ? nil : serverBits
        parameters.clientMaxWindowBits = clientBits == 0 ? nil : clientBits
        self.parameters = isCompressed ? parameters : nil
        options = WebSocketCompression.DeflateOptions(
            level: Int(question.byte()), memoryLevel: Int(question.byte()), windowBits: Int(question.byte()),
            contextTakeover: question.flag())
    }
}
