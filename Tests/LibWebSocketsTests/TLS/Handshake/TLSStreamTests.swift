import COpenSSL
import Testing
import WebSocketProtocol

@testable import LibWebSockets

/// Both sides of a connection in memory: what one appends to its output is fed to the other.
@Suite struct TLSStreamTests {
    private final class Side {
        let stream: TLSStream
        let output: FrameBuffer

        init(_ make: (FrameBuffer) throws -> TLSStream) rethrows {
            output = FrameBuffer()
            stream = try make(output)
        }

        /// Takes what the other side has to send, `chunk` bytes at a time, and does `body` after each.
        func take(from other: Side, chunk: Int = .max, _ body: () throws -> Void) rethrows {
            let bytes = Array(other.output.bytes)
            other.output.removeAll()
            var offset = 0
            while offset < bytes.count {
                let count = min(chunk, bytes.count - offset)
                try bytes.withUnsafeBytes { bytes in
                    stream.feed(UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + count)]))
                    try body()
                    stream.keepInput()
                }
                // The input that it kept is used before there is more.
                while !stream.isHungry { try body() }
                offset += count
            }
        }

        /// Everything that can be read now, and how it ended.
        func readAll() -> (bytes: [UInt8], end: TLSStream.Progress) {
            var bytes: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 4_096)
            while true {
                let progress = buffer.withUnsafeMutableBytes { stream.read($0) }
                if case .made(let count) = progress {
                    bytes += buffer[..<count]
                } else if case .needsInput = progress, !stream.isHungry {
                    continue
                } else {
                    return (bytes, progress)
                }
            }
        }
    }

    private struct Pair {
        let client: Side
        let server: Side
        let context: TLSServerContext
        let handshake: TLSHandshake

        init(host: String = "localhost", maximumVersion: TLSProtocolVersion? = nil) throws {
            let context = try TLSServerContext(try #require(try Security.tls.server))
            var configuration = try Security.tls.client
            configuration.maximumVersion = maximumVersion
            let handshake = try TLSHandshake(
                context: try TLSClientContext(configuration), configuration: configuration, host: host, port: 443)
            (self.context, self.handshake) = (context, handshake)
            client = try Side { try handshake.begin(output: $0) }
            server = try Side { try TLSStream(acceptingWith: context.sslContext, output: $0) }
        }

        func shakeHands(chunk: Int = .max) throws {
            _ = client.stream.shakeHands()
            for _ in 0..<4 where !(client.stream.isEstablished && server.stream.isEstablished) {
                server.take(from: client, chunk: chunk) {
                    if !server.stream.isEstablished { _ = server.stream.shakeHands() }
                }
                client.take(from: server, chunk: chunk) {
                    if client.stream.isEstablished { _ = client.readAll() } else { _ = client.stream.shakeHands() }
                }
            }
            try #require(client.stream.isEstablished && server.stream.isEstablished)
        }
    }

    @Test("A handshake and data come through whatever the pieces are", arguments: [1, 7, 1_000, .max])
    func pieces(chunk: Int) throws {
        let pair = try Pair()
        try pair.shakeHands(chunk: chunk)
        #expect(try pair.handshake.complete(pair.client.stream.ssl).version == .tls13)
        let sent = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        #expect(sent.withUnsafeBytes { pair.client.stream.write($0) } == sent.count)
        var received: [UInt8] = []
        pair.server.take(from: pair.client, chunk: max(chunk, 100)) { received += pair.server.readAll().bytes }
        #expect(received == sent)
        pair.client.stream.shutDown()
        var isClosed = false
        pair.server.take(from: pair.client) { if case .closed = pair.server.readAll().end { isClosed = true } }
        #expect(isClosed)
    }

    @Test("While a ticket has arrived in part nothing is written; the connection is of use again with the rest")
    func partOfATicket() throws {
        let pair = try Pair()
        try pair.shakeHands()
        let ssl = pair.server.stream.ssl
        // A ticket of several records.
        let data = [UInt8](repeating: 7, count: 3_000)
        try #require(SSL_SESSION_set1_ticket_appdata(SSL_get_session(ssl), data, data.count) == 1)
        try #require(SSL_ctrl(ssl, SSL_CTRL_SET_MAX_SEND_FRAGMENT, 512, nil) == 1)
        try #require(SSL_new_session_ticket(ssl) == 1)
        try #require(SSL_do_handshake(ssl) == 1)
        let records = Array(pair.server.output.bytes)
        pair.server.output.removeAll()
        try #require(records.count > 3_000)

        func feed(_ bytes: ArraySlice<UInt8>) {
            bytes.withUnsafeBytes { bytes in
                pair.client.stream.feed(bytes)
                let (data, end) = pair.client.readAll()
                #expect(data.isEmpty)
                if case .needsInput = end {} else { Issue.record("\(end)") }
                pair.client.stream.keepInput()
            }
        }
        let text = Array("hello".utf8)
        feed(records[..<1_000])
        #expect(text.withUnsafeBytes { pair.client.stream.write($0) } == 0)
        feed(records[1_000...])
        #expect(text.withUnsafeBytes { pair.client.stream.write($0) } == text.count)
        var received: [UInt8] = []
        pair.server.take(from: pair.client) { received += pair.server.readAll().bytes }
        #expect(received == text)
    }

    @Test("A certificate for another name fails, says so to the peer, and in the handshake's words")
    func wrongName() throws {
        let pair = try Pair(host: "other.example")
        _ = pair.client.stream.shakeHands()
        pair.server.take(from: pair.client) { _ = pair.server.stream.shakeHands() }
        var hasFailed = false
        pair.client.take(from: pair.server) {
            if !hasFailed, case .failed = pair.client.stream.shakeHands() { hasFailed = true }
            // The rest of the flight is nobody's.
            _ = pair.client.readAll()
        }
        #expect(hasFailed)
        #expect(pair.handshake.failure.map { "\($0.reason)" }?.hasPrefix("hostnameMismatch") == true)
        var words = ""
        pair.server.take(from: pair.client) {
            if case .failed(let said) = pair.server.stream.shakeHands() { words = said }
            _ = pair.server.readAll()
        }
        #expect(words.contains("alert"), "\(words)")
    }

    @Test("Records without data come back to the caller one by one, however many have arrived")
    func emptyRecords() throws {
        let pair = try Pair()
        try pair.shakeHands()
        for _ in 0..<1_000 {
            #expect(SSL_key_update(pair.server.stream.ssl, SSL_KEY_UPDATE_NOT_REQUESTED) == 1)
            #expect(SSL_do_handshake(pair.server.stream.ssl) == 1)
        }
        var returns = 0
        pair.client.take(from: pair.server) {
            var buffer = [UInt8](repeating: 0, count: 100)
            while case .needsInput = buffer.withUnsafeMutableBytes({ pair.client.stream.read($0) }),
                !pair.client.stream.isHungry
            {
                returns += 1
            }
        }
        #expect(returns >= 999)
    }

    @Test("A peer that asks for new keys in TLS 1.2 gets an alert, and no second handshake (RFC 5246 section 7.2.2)")
    func renegotiation() throws {
        let pair = try Pair(maximumVersion: .tls12)
        try pair.shakeHands()
        let ssl = pair.server.stream.ssl
        // The peer is a server that is not ours.
        SSL_clear_options(ssl, SSL_get_options(ssl))
        try #require(SSL_renegotiate(ssl) == 1)
        _ = SSL_do_handshake(ssl)
        var end: TLSStream.Progress?
        pair.client.take(from: pair.server) { end = pair.client.readAll().end }
        guard case .needsInput = end else {
            Issue.record("\(String(describing: end))")
            return
        }
        let alert: UInt8 = 21
        #expect(pair.client.output.bytes.first == alert)
        #expect([1 as UInt8].withUnsafeBytes { pair.client.stream.write($0) } == 1)
    }

    @Test("A record that was changed on the way is an error, not data")
    func changedRecord() throws {
        let pair = try Pair()
        try pair.shakeHands()
        _ = [1, 2, 3].withUnsafeBytes { pair.server.stream.write($0) }
        let bytes = pair.server.output.bytes
        bytes[bytes.count - 1] ^= 1
        var end: TLSStream.Progress?
        pair.client.take(from: pair.server) { end = pair.client.readAll().end }
        guard case .failed(let words) = end else {
            Issue.record("\(String(describing: end))")
            return
        }
        #expect(words.contains("bad"), "\(words)")
    }
}
