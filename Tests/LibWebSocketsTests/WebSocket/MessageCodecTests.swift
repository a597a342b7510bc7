import Foundation
import Testing

@testable import LibWebSockets

@Suite struct MessageCodecTests {
    private struct Point: Codable, Equatable {
        var x: Int
        var label: String
    }

    @Test("JSON is encoded as text, and decoded from text and binary messages")
    func encodesAsTextAndDecodesBothKinds() throws {
        let codec = JSONMessageCodec()
        let message = try codec.encode(Point(x: 3, label: "é"))
        #expect(message.kind == .text)
        #expect(try codec.decode(Point.self, from: message) == Point(x: 3, label: "é"))
        #expect(try codec.decode(Point.self, from: .binary(message.payload)) == Point(x: 3, label: "é"))
    }

    @Test("The app's own encoder is used") func theAppMayBringItsOwnEncoder() throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        #expect(try JSONMessageCodec(encoder: encoder).encode(["b": 1, "a": 2]).text == #"{"a":2,"b":1}"#)
    }

    @Test("The app's own decoder is used") func theAppMayBringItsOwnDecoder() throws {
        struct Order: Decodable, Equatable {
            var orderNumber: Int
        }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let message = WebSocketMessage.text(#"{"order_number":7}"#)
        #expect(try JSONMessageCodec(decoder: decoder).decode(Order.self, from: message) == Order(orderNumber: 7))
        #expect(throws: DecodingError.self) { try JSONMessageCodec().decode(Order.self, from: message) }
    }

    @Test("A value that does not match is an error of the decoder") func aMismatchIsAnErrorOfTheDecoder() {
        #expect(throws: DecodingError.self) {
            try JSONMessageCodec().decode(Point.self, from: .text(#"{"x":"three"}"#))
        }
    }

    @Test("Values go over a connection and come back, by String and by URL alike")
    func overAConnection() async throws {
        try await withServer(handler: ServerPair.echo) { pair in
            let url = try #require(URL(string: pair.server.url + "/path"))
            let socket = try await WebSocket.connect(to: url, configuration: pair.configuration, on: pair.clientLoop)
            try await socket.send(json: Point(x: 3, label: "é"))
            #expect(try await socket.receive(json: Point.self) == Point(x: 3, label: "é"))
            // A message that is no point is taken, and the next one comes.
            try await socket.send("none")
            try await socket.send(json: Point(x: 4, label: ""))
            await #expect(throws: DecodingError.self) { try await socket.receive(json: Point.self) }
            #expect(try await socket.receive(json: Point.self) == Point(x: 4, label: ""))
            await socket.close()
            #expect(try await socket.receive(json: Point.self) == nil)
        }
    }
}
