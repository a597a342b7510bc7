import Foundation
import TestSupport
import Testing
import WebSocketKitCompat

/// The types that stand for SwiftNIO's.
@Suite("websocket-kit's types") struct WebSocketKitTypesTests {
    @Test("A buffer is read from its front to its end") func aBufferIsReadFromItsFrontToItsEnd() {
        var buffer = ByteBuffer(bytes: [0, 1, 2] + Array("äb".utf8))
        #expect(buffer.readableBytes == 6 && buffer.writerIndex == 6)
        #expect(buffer.readInteger(as: UInt16.self) == 1)
        #expect(buffer.readBytes(length: 1) == [2])
        #expect(buffer.getString(at: 3, length: 2) == "ä")
        #expect(buffer.readString(length: 4) == nil && buffer.readableBytes == 3)
        #expect(String(buffer: buffer) == "äb" && Data(buffer: buffer).count == 3)
        #expect(buffer.writeString("c") == 1 && buffer.writeBytes([1]) == 1)
        #expect(Array(buffer: buffer) == Array("äbc".utf8) + [1])
        #expect(buffer.readData(length: 5)?.count == 5 && buffer.readInteger(as: UInt8.self) == nil)
        #expect(buffer.getBytes(at: -1, length: 1) == nil && buffer.getBytes(at: 0, length: .max) == nil)
        #expect(ByteBuffer().readableBytes == 0 && ByteBuffer(data: Data([1])) == ByteBuffer(bytes: [1]))
    }

    @Test("Headers are found whatever their case") func headersAreFoundWhateverTheirCase() {
        var headers: HTTPHeaders = ["A": "1", "b": "2"]
        headers.add(name: "a", value: "3")
        #expect(headers["a"] == ["1", "3"] && headers.first(name: "B") == "2" && headers.count == 3)
        headers.replaceOrAdd(name: "a", value: "4")
        #expect(headers.map(\.value) == ["2", "4"] && headers.contains(name: "A") && !headers.isEmpty)
        headers.remove(name: "A")
        headers.add(contentsOf: HTTPHeaders([("c", "5")]))
        #expect(headers.map(\.name) == ["b", "c"])
    }

    @Test("A future is completed once, and whoever waits gets its first result")
    func aFutureIsCompleteOnce() async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let promise = loop.makePromise(of: Int.self)
        let results = Collector<String>()
        promise.futureResult.whenSuccess { results.add("\($0)") }
        promise.futureResult.whenFailure { _ in results.add("failed") }
        promise.succeed(1)
        promise.fail(CancellationError())
        promise.futureResult.map { $0 + 1 }.whenComplete { results.add("\($0)") }
        #expect(try await promise.futureResult.get() == 1)
        #expect(results.all == ["1", "success(2)"])
        let failed: EventLoopFuture<Int> = loop.makeFailedFuture(CancellationError())
        await #expect(throws: CancellationError.self) { try await failed.get() }
        #expect(try await loop.makeSucceededFuture(3).get() == 3)
        await Task.detached { #expect((try? Self.waited(for: loop)) == 4) }.value
    }

    private static func waited(for loop: any EventLoop) throws -> Int {
        let promise = loop.makePromise(of: Int.self)
        loop.execute { promise.succeed(4) }
        return try promise.futureResult.wait()
    }

    @Test("Codes and times beyond their range become its bounds") func codesAndTimesHaveBounds() {
        #expect(WebSocketErrorCode(codeNumber: 1011) == .unexpectedServerError)
        #expect(WebSocketErrorCode(codeNumber: 4000) == .unknown(4000))
        #expect(UInt16(webSocketErrorCode: WebSocketErrorCode(codeNumber: -1)) == 0)
        #expect(UInt16(webSocketErrorCode: WebSocketErrorCode(codeNumber: 70_000)) == .max)
        #expect(TimeAmount.hours(.max).nanoseconds == .max && TimeAmount.seconds(.min).nanoseconds == .min)
        #expect(TimeAmount.milliseconds(1) < .seconds(1) && TimeAmount.minutes(1) == .seconds(60))
        #expect(System.coreCount > 0)
    }
}
