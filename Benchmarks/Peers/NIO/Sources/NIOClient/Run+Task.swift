import Glibc
import NIOCore
import NIOWebSocket
import Workload

/// From an ordinary task by way of `NIOAsyncChannel`, as code that is not written on an event loop has it.
struct TaskRun {
    typealias FrameChannel = NIOAsyncChannel<WebSocketFrame, WebSocketFrame>

    let options: WorkloadOptions

    func begin(_ connector: Connector, on loop: any EventLoop) throws {
        // What it measures is one connection whose messages are awaited one by one.
        let isRoundTrip = options.workload == .echo && options.window == 1
        guard isRoundTrip || options.workload == .receive, options.messages == nil else { try options.unsupported() }
        connector.open(on: loop) { channel in
            // Room for a read's messages: with the default, 10, reading stops and starts all the time.
            let room = NIOAsyncSequenceProducerBackPressureStrategies.HighLowWatermark(
                lowWatermark: 1024, highWatermark: 4096)
            let asyncChannel = try FrameChannel(
                wrappingChannelSynchronously: channel, configuration: .init(backPressureStrategy: room))
            Task.detached {
                do {
                    try await asyncChannel.executeThenClose { inbound, outbound in
                        isRoundTrip
                            ? try await roundTrips(inbound, outbound) : try await receive(inbound, outbound)
                    }
                } catch {
                    fail("\(error)")
                }
            }
        }
    }

    private func roundTrips(
        _ inbound: NIOAsyncChannelInboundStream<WebSocketFrame>, _ outbound: NIOAsyncChannelOutboundWriter<WebSocketFrame>
    ) async throws {
        let payload = ByteBuffer(bytes: Payloads.binary(size: options.size))
        var measurement = Measurement()
        var frames = inbound.makeAsyncIterator()
        measurement.begin()
        for _ in 0..<options.count {
            let begin = Measurement.now()
            try await outbound.write(WebSocketFrame(fin: true, opcode: .binary, maskKey: .random(), data: payload))
            guard let frame = try await frames.next() else { fail("the connection ended") }
            measurement.add(latency: Measurement.now() - begin)
            try Payloads.check(frame.unmaskedData.readableBytesView, size: options.size)
        }
        measurement.end()
        measurement.report(messages: options.count)
        exit(0)
    }

    private func receive(
        _ inbound: NIOAsyncChannelInboundStream<WebSocketFrame>, _ outbound: NIOAsyncChannelOutboundWriter<WebSocketFrame>
    ) async throws {
        var measurement = Measurement()
        measurement.begin()
        let go = ByteBuffer(string: "go")
        try await outbound.write(WebSocketFrame(fin: true, opcode: .text, maskKey: .random(), data: go))
        var received = 0
        for try await frame in inbound {
            try Payloads.check(frame.unmaskedData.readableBytesView, size: options.size)
            received += 1
            if received == options.count { break }
        }
        measurement.end()
        measurement.report(messages: received)
        exit(0)
    }
}
