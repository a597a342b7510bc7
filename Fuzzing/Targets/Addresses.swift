import WebSocketProtocol

@Sendable func fuzzURLs(_ bytes: [UInt8]) throws(Finding) {
    let text = String(decoding: bytes, as: UTF8.self)
    if let endpoint = try? Endpoint(text) {
        try check(endpoint)
        // The description is a URL of the same server, and has one form.
        guard let again = try? Endpoint(endpoint.description) else {
            throw Finding("\(text) is shown as \(endpoint), which is refused")
        }
        try check(again.description == endpoint.description, "\(text) is shown as \(endpoint), which means \(again)")
        try check(
            again.host == endpoint.host && again.port == endpoint.port && again.zone == endpoint.zone
                && again.target == endpoint.target && again.isSecure == endpoint.isSecure,
            "\(text) is shown as \(endpoint), which means \(again)")
    }
    if let endpoint = try? Endpoint(base: text, port: 9_000, path: "live") {
        try check(endpoint)
        try check(endpoint.port == 9_000 && endpoint.target == "/live" && endpoint.credentials == nil, "\(endpoint)")
    }
    if let endpoint = try? Endpoint(base: "https://example.com", path: text) {
        try check(endpoint)
        try check(endpoint.host == "example.com" && endpoint.port == 443, "the path \(text) makes \(endpoint)")
    }
    if let proxy = try? Endpoint(text, defaultPorts: ["http": 80, "socks5h": 1_080]) { try check(proxy) }
}

/// Nothing of it can end a line of a request or make another one.
private func check(_ endpoint: Endpoint) throws(Finding) {
    for part in [endpoint.host, endpoint.target, endpoint.hostHeader, endpoint.zone ?? ""] {
        try check(part.utf8.allSatisfy { (0x21...0x7E).contains($0) }, "\(endpoint) has the part \(Array(part.utf8))")
    }
    try check(endpoint.target.hasPrefix("/") && !endpoint.target.contains("#"), "\(endpoint)")
    try check(!endpoint.host.isEmpty && (1...65_535).contains(endpoint.port), "\(endpoint)")
    if let credentials = endpoint.credentials {
        let header = credentials.basicAuthorization
        try check(header.utf8.allSatisfy { (0x20...0x7E).contains($0) }, "\(endpoint) has credentials \(header)")
        try check(!credentials.user.utf8.contains(UInt8(ascii: ":")), "\(endpoint) has a user with a colon")
    }
}

/// The value of `NO_PROXY`, a line feed, and a URL.
@Sendable func fuzzProxyExceptions(_ bytes: [UInt8]) throws(Finding) {
    let parts = bytes.split(separator: UInt8(ascii: "\n"), maxSplits: 1, omittingEmptySubsequences: false)
    let value = String(decoding: parts[0], as: UTF8.self)
    let url = parts.count > 1 ? String(decoding: parts[1], as: UTF8.self) : "ws://example.com"
    guard let endpoint = try? Endpoint(url) else {
        _ = ProxyExceptions(value)
        return
    }
    let isException = ProxyExceptions(value).contains(endpoint)
    for same in [" \(value),", ",\(value)\t", "\(value),\(value)", value.lowercased()]
    where value.utf8.allSatisfy({ $0 < 0x80 }) {
        try check(ProxyExceptions(same).contains(endpoint) == isException, "\(same) differs from \(value) for \(url)")
    }
    // Entries only ever add servers.
    let entries = value.split { $0 == "," || $0 == " " || $0 == "\t" }
    if entries.count < 8 {
        let anyEntry = entries.contains { ProxyExceptions($0).contains(endpoint) }
        try check(anyEntry == isException, "\(value) is not what its entries are, for \(url)")
    }
    try check(ProxyExceptions("\(value),*").contains(endpoint), "* leaves out \(url)")
    // A name may have a comma in it (RFC 3986 section 3.2.2), and then no list can say it; nor one that begins with
    // the asterisk, which means something else there.
    guard !endpoint.host.utf8.contains(UInt8(ascii: ",")), !endpoint.host.hasPrefix("*") else { return }
    try check(ProxyExceptions("\(value),\(endpoint.host)").contains(endpoint), "\(endpoint.host) leaves out \(url)")
}

/// Settings: whether there are credentials; how the bytes are cut.
@Sendable func fuzzSOCKS5(_ bytes: [UInt8]) throws(Finding) {
    var input = FuzzInput(bytes)
    let hasCredentials = input.setting() & 1 != 0
    let seed = input.setting()
    let pieces = input.pieces(seed: seed)
    let bytewise = try SOCKS5Course(input.rest.map { [$0] }, hasCredentials: hasCredentials)
    let cut = try SOCKS5Course(pieces, hasCredentials: hasCredentials)
    // Bytes that come together with the end of an answer count as early only when they are seen to be.
    guard cut.failure?.reason != .answerBeforeQuestion else { return }
    try check(bytewise == cut, "byte by byte it is \(bytewise), cut into \(pieces.map(\.count)) it is \(cut)")
    try check(bytewise.failure?.reason != .answerBeforeQuestion, "one byte is early")
    try check(bytewise.sent.count <= 2, "\(bytewise)")
}

private struct SOCKS5Course: Equatable {
    private(set) var sent: [[UInt8]] = []
    private(set) var consumed: Int?
    private(set) var failure: SOCKS5Failure?

    init(_ pieces: [[UInt8]], hasCredentials: Bool) throws(Finding) {
        guard let target = try? Endpoint("ws://server.example:9000"),
            let proxy = try? Endpoint("socks5h://user:word@proxy.example", defaultPorts: ["socks5h": 1_080]),
            var handshake = try? SOCKS5Handshake(target: target, credentials: hasCredentials ? proxy.credentials : nil)
        else { throw Finding("no handshake") }
        var before = 0
        for piece in pieces {
            do throws(SOCKS5Failure) {
                let action = try piece.withUnsafeBufferPointer { bytes throws(SOCKS5Failure) in
                    try handshake.receive(UnsafeRawBufferPointer(bytes))
                }
                switch action {
                case .needsMoreBytes: break
                case .send(let bytes): sent.append(bytes)
                case .connected(let count):
                    consumed = before + count
                    return
                }
            } catch {
                failure = error
                return
            }
            before += piece.count
        }
    }
}
