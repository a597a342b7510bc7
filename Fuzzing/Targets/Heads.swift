import HTTPTypes
import WebSocketProtocol

/// Settings: what was asked, and the limits; how the bytes are cut.
@Sendable func fuzzResponses(_ bytes: [UInt8]) throws(Finding) {
    var input = FuzzInput(bytes)
    let flags = input.setting()
    let seed = input.setting()
    let pieces = input.pieces(seed: seed)
    let request: ResponseParser.Request = flags & 1 == 0 ? .upgrade : .connect
    try checkResponse(
        Array(input.rest), cutInto: pieces, to: request, maximumHeadSize: flags & 2 == 0 ? 4_096 : 64,
        maximumBodySize: flags & 4 == 0 ? 1_024 : 8)
}

/// As ``fuzzResponses(_:)``, behind a head that announces chunks.
@Sendable func fuzzChunks(_ bytes: [UInt8]) throws(Finding) {
    var input = FuzzInput(bytes)
    let flags = input.setting()
    let seed = input.setting()
    let pieces = input.pieces(seed: seed)
    let head = Array("HTTP/1.1 500 Oops\r\nTransfer-Encoding: chunked\r\n\r\n".utf8)
    try checkResponse(
        head + input.rest, cutInto: [head] + pieces, to: .upgrade, maximumHeadSize: 4_096,
        maximumBodySize: flags & 1 == 0 ? 1_024 : 8)
}

private func checkResponse(
    _ whole: [UInt8], cutInto pieces: [[UInt8]], to request: ResponseParser.Request, maximumHeadSize: Int,
    maximumBodySize: Int
) throws(Finding) {
    func read(_ pieces: [[UInt8]]) -> ReadResponse {
        ReadResponse(
            reading: pieces,
            with: ResponseParser(to: request, maximumHeadSize: maximumHeadSize, maximumBodySize: maximumBodySize))
    }
    let (once, cut) = (read([whole]), read(pieces))
    try check(once == cut, "whole it is \(once), cut it is \(cut)")
    if case .refused(let response) = once {
        try check(response.body.count <= maximumBodySize, "a body of \(response.body.count) bytes was kept")
    }
}

/// A parser's result for a stream, in a form that does not depend on how the stream was cut.
private enum ReadResponse: Equatable {
    case switched(ResponseHead, consumed: Int)
    case refused(RefusedResponse)
    /// Without the excerpt of what is no HTTP, which shows what had arrived by then.
    case violation(String)
    case nothing(isWithinHead: Bool)

    init(reading pieces: [[UInt8]], with parser: consuming ResponseParser) {
        var before = 0
        for piece in pieces {
            do throws(HTTPViolation) {
                let progress = try piece.withUnsafeBufferPointer { bytes throws(HTTPViolation) in
                    try parser.receive(UnsafeRawBufferPointer(bytes))
                }
                switch progress {
                case .needsMoreBytes: before += piece.count
                case .switched(let head, let consumed):
                    self = .switched(head, consumed: before + consumed)
                    return
                case .refused(let response):
                    self = .refused(response)
                    return
                }
            } catch {
                if case .notHTTP = error.rule { self = .violation("not HTTP") } else { self = .violation("\(error)") }
                return
            }
        }
        let isWithinHead = parser.isWithinHead
        self = parser.finish().map { .refused($0) } ?? .nothing(isWithinHead: isWithinHead)
    }
}

/// Settings: the limit; how the bytes are cut.
@Sendable func fuzzRequests(_ bytes: [UInt8]) throws(Finding) {
    var input = FuzzInput(bytes)
    let limit = input.setting() & 1 == 0 ? 4_096 : 64
    let seed = input.setting()
    let pieces = input.pieces(seed: seed)
    let (once, cut) = (
        ReadRequest(reading: [Array(input.rest)], limit: limit), ReadRequest(reading: pieces, limit: limit)
    )
    try check(once == cut, "whole it is \(once), cut it is \(cut)")
    if case .complete(let head, let consumed) = once {
        try check(consumed <= limit + 2, "a head of \(consumed) bytes was taken")
        if let offer = try? UpgradeOffer(head) {
            try check(!offer.head.target.utf8.contains { $0 <= 0x20 || $0 >= 0x7F }, "a target \(offer.head.target)")
        }
    }
}

private enum ReadRequest: Equatable {
    case complete(UpgradeRequestHead, consumed: Int)
    /// The status alone: the text has an excerpt of what had arrived.
    case rejection(Int)
    case nothing

    init(reading pieces: [[UInt8]], limit: Int) {
        var parser = UpgradeRequestParser(maximumSize: limit)
        var before = 0
        self = .nothing
        for piece in pieces {
            do throws(UpgradeRejection) {
                let progress = try piece.withUnsafeBufferPointer { bytes throws(UpgradeRejection) in
                    try parser.parse(UnsafeRawBufferPointer(bytes))
                }
                before += piece.count
                guard case .complete(let head, let rest) = progress else { continue }
                self = .complete(head, consumed: before - rest.count)
            } catch {
                self = .rejection(error.status.code)
            }
            return
        }
    }
}

/// A value of Sec-WebSocket-Extensions as a server and as a client read it. Settings: what this side's options are.
@Sendable func fuzzExtensions(_ bytes: [UInt8]) throws(Finding) {
    var input = FuzzInput(bytes)
    let flags = input.setting()
    let options = WebSocketCompression.DeflateOptions(
        windowBits: 9 + Int(flags & 7) % 7, peerWindowBits: 9 + Int(flags >> 3 & 7) % 7,
        contextTakeover: flags & 64 == 0,
        peerContextTakeover: flags & 128 == 0)
    try checkOffer(input.rest, options: options)
    try checkAnswer(input.rest, options: options)
}

private func checkOffer(_ value: ArraySlice<UInt8>, options: WebSocketCompression.DeflateOptions) throws(Finding) {
    let lines = """
        GET / HTTP/1.1\r
        Host: h\r
        Upgrade: websocket\r
        Connection: Upgrade\r
        Sec-WebSocket-Version: 13\r
        Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r
        Sec-WebSocket-Extensions: \

        """
    var parser = UpgradeRequestParser()
    let progress = (Array(lines.utf8) + value + Array("\r\n\r\n".utf8)).withUnsafeBytes { try? parser.parse($0) }
    guard case .complete(let head, _)? = progress, let offer = try? UpgradeOffer(head),
        let parameters = DeflateParameters(accepting: offer.extensions, options: options)
    else { return }
    // A client that offered this accepts the answer of a server of ours, and both sides can carry it out.
    do {
        let agreed = try DeflateParameters(agreed: [parameters.answer], offered: offer.extensions)
        try check(agreed == parameters, "\(parameters) was agreed to, and understood as \(agreed as Any)")
    } catch {
        throw Finding("the answer \(parameters.answer) to \(offer.extensions) is refused: \(error)")
    }
    try check(parameters.makeDeflater(role: .server, options: options) != nil, "nothing can be compressed")
}

private func checkAnswer(_ value: ArraySlice<UInt8>, options: WebSocketCompression.DeflateOptions) throws(Finding) {
    let offer = DeflateParameters(offering: options)
    guard let key = HandshakeKey(received: "AAAAAAAAAAAAAAAAAAAAAA=="),
        let request = try? UpgradeRequest(endpoint: Endpoint("ws://h"), key: key, extensions: [offer.offer])
    else { throw Finding("no request") }
    var headers: HTTPFields = [
        .upgrade: "websocket", .connection: "Upgrade", .secWebSocketAccept: request.key.acceptValue,
    ]
    headers.append(HTTPField(name: .secWebSocketExtensions, value: String(decoding: value, as: UTF8.self)))
    guard let response = try? HandshakeResponse(status: .switchingProtocols, headers: headers, answering: request),
        let agreed = try? DeflateParameters(agreed: response.extensions, offered: [offer.offer])
    else { return }
    try check(
        !offer.serverNoContextTakeover || agreed.serverNoContextTakeover, "\(agreed) ignores the offer \(offer)")
    try check(
        (agreed.serverMaxWindowBits ?? 15) <= (offer.serverMaxWindowBits ?? 15), "\(agreed) exceeds the offer \(offer)")
}
