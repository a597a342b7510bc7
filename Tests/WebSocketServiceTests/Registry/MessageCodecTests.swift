import Foundation
import Testing

@testable import WebSocketService

@Suite struct MessageCodecTests {
    private struct Point: Codable, Equatable {
        var x: Int
        var label: String
    }

    @Test func encodesAsTextAndDecodesBothKinds() throws {
        let codec = JSONMessageCodec()
        let message = try codec.encode(Point(x: 3, label: "é"))
        #expect(message.kind == .text)
        #expect(try codec.decode(Point.self, from: message) == Point(x: 3, label: "é"))
        #expect(try codec.decode(Point.self, from: .binary(message.payload)) == Point(x: 3, label: "é"))
    }

    @Test func theAppMayBringItsOwnCoders() throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        #expect(try JSONMessageCodec(encoder: encoder).encode(["b": 1, "a": 2]).text == #"{"a":2,"b":1}"#)
    }

    @Test func aMismatchIsAnErrorOfTheDecoder() {
        #expect(throws: DecodingError.self) {
            try JSONMessageCodec().decode(Point.self, from: .text(#"{"x":"three"}"#))
        }
    }
}
