import Synchronization
import Foundation
import LibWebSockets
import TestSupport
import Testing
import WebSocketTesting

@testable import StarscreamCompat

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

private typealias Socket = StarscreamCompat.WebSocket

@Suite("Starscream's shape", .timeLimit(.minutes(2))) struct StarscreamIntegrationTests {
    @Test("Messages are echoed in order, and disconnect() ends the connection")
    func messagesAreEchoedInOrderAndADisconnectEndsIt() async throws {
        try await withServer { server in
            let record = Collector<String>()
            let socket = makeSocket(server, record)
            socket.connect()
            socket.write(string: "one")
            socket.write(data: Data([1, 2]))
            socket.write(stringData: Data("three".utf8), completion: nil)
            try await record.wait(for: 5)
            socket.disconnect()
            try await record.wait(for: 6)
            #expect(
                record.all == ["viable true", "connected", "text one", "binary 2", "text three", "cancelled"])
        }
    }

    @Test("The delegate is told before the closure, and is not kept")
    func delegateIsToldBeforeTheClosureAndIsNotKept() async throws {
        final class Delegate: WebSocketDelegate {
            let record: Collector<String>
            init(_ record: Collector<String>) { self.record = record }
            func didReceive(event: WebSocketEvent, client: any WebSocketClient) {
                record.add("delegate \(word(event))")
                if case .connected = event { client.write(string: "hello") }
            }
        }
        try await withServer { server in
            let record = Collector<String>()
            let socket = makeSocket(server, record)
            weak var released: Delegate?
            do {
                let delegate = Delegate(record)
                released = delegate
                socket.delegate = delegate
                socket.connect()
                try await record.wait(for: 6)
                #expect(record.all.suffix(2) == ["delegate text hello", "text hello"])
                withExtendedLifetime(delegate) {}
            }
            try await eventually { released == nil }
            socket.disconnect()
        }
    }

    @Test("Code and reason of the server arrive", arguments: [1000, 1011, 4000, 4999] as [UInt16])
    func codeAndReasonOfTheServerArrive(code: UInt16) async throws {
        try await withServer(handler: closing(code, "why")) { server in
            let record = Collector<String>()
            let socket = makeSocket(server, record)
            socket.connect()
            try await record.wait(for: 4)
            #expect(record.all == ["viable true", "connected", "disconnected \(code) why", "cancelled"])
            withExtendedLifetime(socket) {}
        }
    }

    @Test("The program's code reaches the server") func aCodeOfTheProgramsReachesTheServer() async throws {
        let codes = Collector<UInt16>()
        let handler: WebSocketServer.Handler = { socket, _ in codes.add(try await socket.closed().code.rawValue) }
        try await withServer(handler: handler) { server in
            let record = Collector<String>()
            let socket = makeSocket(server, record)
            socket.connect()
            try await record.wait(for: 2)
            socket.disconnect(closeCode: 4321)
            try await codes.wait(for: 1)
            #expect(codes.all == [4321])
        }
    }

    @Test("A refusal is an error with its status, and completes what was written")
    func aRefusalIsAnErrorWithItsStatus() async throws {
        var configuration = WebSocketServer.Configuration()
        configuration.decide = { _ in .refuse(.forbidden) }
        try await withServer(configuration: configuration) { server in
            let record = Collector<String>()
            let socket = makeSocket(server, record)
            let completions = Collector<Bool>()
            socket.connect()
            socket.write(string: "lost") { completions.add(true) }
            try await record.wait(for: 1)
            try await completions.wait(for: 1)
            #expect(record.all == ["error 403"])
        }
    }

    @Test("A certificate of an unknown authority is refused unless self-signed ones are allowed")
    func aCertificateOfAnUnknownAuthorityIsRefusedUnlessSelfSignedOnesAreAllowed() async throws {
        try await withServer { server in
            let record = Collector<String>()
            let socket = makeSocket(server, record)
            socket.options.connection.tls.trustRoots = .system
            socket.connect()
            try await record.wait(for: 1)
            #expect(record.all == ["error tlsFailed"])

            let second = Collector<String>()
            let trusting = Socket(
                request: URLRequest(url: server.address), certPinner: FoundationSecurity(allowSelfSigned: true))
            trusting.callbackQueue = DispatchQueue(label: "test")
            trusting.onEvent = { second.add(word($0)) }
            trusting.connect()
            try await second.wait(for: 2)
            #expect(second.all == ["viable true", "connected"])
            trusting.forceDisconnect()
            try await second.wait(for: 3)
            #expect(second.all.last == "cancelled")
        }
    }

    @Test("Headers and subprotocols of the request are sent")
    func headersAndSubprotocolsOfTheRequestAreSent() async throws {
        let requests = Collector<String>()
        var configuration = WebSocketServer.Configuration()
        configuration.decide = { _ in .accept(subprotocol: "superchat") }
        let handler: WebSocketServer.Handler = { socket, request in
            requests.add("\(request.headers[.authorization] ?? "") \(socket.handshake.subprotocol ?? "")")
            _ = try await socket.receive()
        }
        try await withServer(handler: handler, configuration: configuration) { server in
            let record = Collector<String>()
            let socket = makeSocket(server, record) { request in
                request.setValue("chat,superchat", forHTTPHeaderField: "Sec-WebSocket-Protocol")
                request.setValue("14", forHTTPHeaderField: "Sec-WebSocket-Version")
                request.setValue("Bearer 1", forHTTPHeaderField: "Authorization")
            }
            socket.connect()
            try await requests.wait(for: 1)
            try await record.wait(for: 2)
            #expect(requests.all == ["Bearer 1 superchat"])
            socket.disconnect()
            try await record.wait(for: 3)
            withExtendedLifetime(socket) {}
        }
    }

    @Test("Pings and pongs are shown with their payloads") func pingsAndPongsAreShownWithTheirPayloads() async throws {
        let script: [FaultServer.Step] = [
            .upgrade(), .write(.ping(Array("a".utf8)), .text("x")), .readFrames(2), .write(.pong(Array("c".utf8))),
            .readUntilEnd,
        ]
        let server = try FaultServer(scripts: [script])
        defer { server.stop() }
        let record = Collector<String>()
        let socket = try makeSocket(server, record)
        socket.connect()
        try await record.wait(for: 4)
        let completions = Collector<Bool>()
        socket.write(ping: Data("b".utf8)) { completions.add(true) }
        try await completions.wait(for: 1)
        try await record.wait(for: 5)
        #expect(Set(record.all) == ["viable true", "connected", "ping a", "text x", "pong c"])
        socket.forceDisconnect()
        let frames = try await server.transcript().frames
        #expect(frames.map(\.opcode) == [0xA, 0x9])
        #expect(frames.map { String(decoding: $0.payload, as: UTF8.self) } == ["a", "b"])
    }

    @Test("Pings are not answered when the program says so")
    func pingsAreNotAnsweredWhenTheProgramSaysSo() async throws {
        let script: [FaultServer.Step] = [
            .upgrade(), .write(.ping(Array("a".utf8)), .text("x")), .readClose, .write(.close(1000)),
        ]
        let server = try FaultServer(scripts: [script])
        defer { server.stop() }
        let record = Collector<String>()
        let socket = try makeSocket(server, record)
        socket.respondToPingWithPong = false
        socket.connect()
        try await record.wait(for: 4)
        socket.disconnect()
        #expect(try await server.transcript().frames.map(\.opcode) == [0x8])
    }

    @Test("A URL of another scheme is an error, and connecting may be tried again")
    func aURLOfAnotherSchemeIsAnError() async throws {
        let record = Collector<String>()
        let socket = Socket(request: URLRequest(url: try #require(URL(string: "ftp://localhost"))))
        socket.callbackQueue = DispatchQueue(label: "test")
        socket.onEvent = { record.add(word($0)) }
        socket.connect()
        try await record.wait(for: 1)
        #expect(record.all == ["error invalidConfiguration"])
        // It may be tried again.
        try await eventually { socket.state.withLock { $0.socket == nil } }
        socket.connect()
        try await record.wait(for: 2)
    }
}
