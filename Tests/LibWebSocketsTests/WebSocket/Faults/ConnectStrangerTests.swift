import LibC
import HTTPTypes
import Testing
import WebSocketTesting

@testable import LibWebSockets

/// Each has a typed error with a text that says what the server does instead, and leaves nothing behind.
@Suite("Servers of something else", .hangs) struct ConnectStrangerTests {
    static let strangers: [ConnectFault] = [
        ConnectFault(
            name: "plain HTTP on the TLS port", script: [.read(1), .write("HTTP/1.1 400 Bad Request\r\n\r\n")],
            client: .tls,
            code: .tlsFailed, stage: .tls,
            words: ["does not speak TLS on this port. Is it the port of a plain ws:// server, or of another service?"]),
        ConnectFault(
            name: "SSH on the TLS port", script: [.write("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n")], client: .tls,
            code: .tlsFailed, stage: .tls,
            words: ["does not speak TLS on this port. Is it the port of a plain ws:// server, or of another service?"]),
        ConnectFault(
            name: "SSH on the plain port, which hangs up",
            script: [.write("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"), .readRequest],
            code: .invalidHandshake, stage: .upgrade, words: ["It is not HTTP: it begins with \"SSH-2.0"]),
        ConnectFault(
            name: "SSH on the plain port, which waits", script: [.write("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"), .stall],
            code: .invalidHandshake, stage: .upgrade, words: ["It is not HTTP: it begins with \"SSH-2.0"]),
        ConnectFault(
            name: "binary noise", script: [.readRequest, .write([UInt8](repeating: 0xFE, count: 100)), .stall],
            code: .invalidHandshake, stage: .upgrade, words: ["It is not HTTP"]),
        ConnectFault(
            name: "the request echoed",
            script: [.readRequest, .write("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), .readUntilEnd],
            code: .invalidHandshake, stage: .upgrade, words: ["It is not HTTP: it begins with \"GET / HTTP/1.1"]),
        ConnectFault(
            name: "one header of 300 KiB",
            script: [
                .readRequest,
                .write(
                    "HTTP/1.1 101 Switching Protocols\r\nX-Long: \(String(repeating: "x", count: 300 << 10))\r\n\r\n"),
                .readUntilEnd,
            ],
            code: .invalidHandshake, stage: .upgrade,
            words: ["to the upgrade request cannot be used. The head is larger than 262144 bytes"]),
        ConnectFault(
            name: "headers without end",
            script: [
                .readRequest, .write("HTTP/1.1 101 Switching Protocols\r\n"), .flood(Array("X-More: y\r\n".utf8)),
            ],
            code: .invalidHandshake, stage: .upgrade,
            words: ["to the upgrade request cannot be used. The head "]),
        ConnectFault(
            name: "a status line without end",
            script: [.readRequest, .write("HTTP/1.1 101 "), .flood(Array("Switching ".utf8))],
            code: .invalidHandshake, stage: .upgrade,
            words: ["to the upgrade request cannot be used. The head is larger than 262144 bytes"]),
    ]

    @Test("A server that does not speak the protocol fails with what it does instead", arguments: strangers)
    func stranger(fault: ConnectFault) async throws {
        let error = try await ConnectFault.failure(
            of: fault.script, server: fault.server, client: fault.client,
            configuration: fault.code == .timedOut ? ConnectFault.impatient : ConnectFault.patient)
        fault.check(error)
        if fault.client == .tls { #expect(error.tlsFailure?.reason == .notTLS) }
    }

    @Test("TLS on the plain port fails, whatever OpenSSL's alert looks like")
    func tlsOnPlainPort() async throws {
        let error = try await ConnectFault.failure(of: [.readRequest, .stall], server: .tls, client: .plain)
        #expect(error.code == .invalidHandshake || error.code == .connectionLost)
        #expect(error.stage == .upgrade)
        #expect(error.message.hasSuffix(ConnectFault.hint), "\(error.message)")
    }

    @Test(
        "A status that HTTP does not have is an error, not a trap",
        arguments: ["0", "99", "600", "1000", "99999", "-101", "1e2", "abc", ""])
    func impossibleStatus(status: String) async throws {
        let error = try await ConnectFault.failure(
            of: [.readRequest, .write("HTTP/1.1 \(status) What\r\nContent-Length: 0\r\n\r\n"), .readUntilEnd],
            configuration: ConnectFault.patient)
        #expect(error.code == .invalidHandshake)
        #expect(error.stage == .upgrade)
        #expect(error.message.contains("The status is \"\(status)\", which is impossible"), "\(error.message)")
    }
}
