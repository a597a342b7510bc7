/// One connection of a ``FaultServer``: carries out its script. Belongs to one thread.
final class FaultServerConnection {
    private let stream: FaultServerStream
    private let tlsContext: FaultServerTLSContext?
    private let script: [FaultServer.Step]
    private var transcript = FaultServer.Transcript()
    private var step = 0
    private var sawEndOfStream = false
    /// The position at which the next step begins to read.
    private var readPosition = 0
    private var framesRead = 0
    /// The start of the first frame that has not arrived completely.
    private var parsePosition = 0

    private static let requestLimit = 1 << 20

    init(stream: FaultServerStream, tlsContext: FaultServerTLSContext?, script: [FaultServer.Step]) {
        self.stream = stream
        self.tlsContext = tlsContext
        self.script = script
    }

    /// Runs the script, closes the connection and tells what happened.
    func run() -> FaultServer.Transcript {
        do {
            if let tlsContext { try stream.startTLS(tlsContext) }
            while step < script.count, stream.isOpen {
                try carryOut(script[step])
                step += 1
            }
            if stream.isOpen { try closeInGoodOrder() }
        } catch let error as FaultServerStreamError {
            transcript.end = end(for: error)
            if case .tls = error { closeAfterTLSFailure() }
        } catch {
            transcript.end = .failed(step: step, "\(error)")
        }
        stream.end()
        return transcript
    }

    private func end(for error: FaultServerStreamError) -> FaultServer.Transcript.End {
        let isThrough = step == script.count
        return switch error {
        // The client may go away after the last step as it likes.
        case .peerClosed: isThrough ? .finished : .peerClosed(step: step)
        case .peerReset: isThrough ? .finished : .peerReset(step: step)
        case .tls(let message): isThrough ? .finished : .tlsFailed(step: step, message)
        case .stopped: .stopped(step: step)
        }
    }

    private func carryOut(_ step: FaultServer.Step) throws {
        switch step {
        case .readRequest: try readRequest()
        case .upgrade(let response): try upgrade(response)
        case .read(let count): try read(count)
        case .readFrames(let count): try readFrames(count)
        case .readClose: while transcript.closeFrame == nil { try receive() }
        case .readUntilEnd: try readUntilEnd()
        case .write(let bytes): try write(bytes)
        case .writeSlowly(let bytes, let chunk, let pause): try writeSlowly(bytes, chunk: chunk, pause: pause)
        case .flood(let bytes, let count, let reading): try flood(bytes, count: count, reading: reading)
        case .pause(let duration): try stream.pause(duration)
        case .stall: try stream.waitForPeerToClose()
        case .closeNotify: stream.sendCloseNotify()
        case .shutDownWriting: stream.shutDownWriting()
        case .reset: stream.reset()
        }
    }

    // MARK: Reading

    private func readRequest() throws {
        guard transcript.requestHead == nil else { return }
        let end = Array("\r\n\r\n".utf8)
        var searched = 0
        while true {
            let received = transcript.received
            if let range = received[searched...].firstRange(of: end) {
                transcript.requestHead = String(decoding: received[..<range.upperBound], as: UTF8.self)
                transcript.received = Array(received[range.upperBound...])
                readPosition = 0
                parseFrames()
                return
            }
            guard received.count < Self.requestLimit else {
                throw FaultServerError(description: "no empty line in the first \(received.count) bytes of the request")
            }
            searched = max(0, received.count - end.count + 1)
            try receive()
        }
    }

    private func read(_ count: Int) throws {
        while transcript.received.count - readPosition < count { try receive() }
        readPosition += max(count, 0)
    }

    private func readFrames(_ count: Int) throws {
        while transcript.frames.count - framesRead < count { try receive() }
        framesRead += max(count, 0)
    }

    private func readUntilEnd() throws {
        do {
            while true { try receive() }
        } catch FaultServerStreamError.peerClosed {
            return
        }
    }

    /// Waits for more bytes and records them.
    private func receive() throws {
        guard !sawEndOfStream else { throw FaultServerStreamError.peerClosed }
        let bytes = try stream.read()
        guard !bytes.isEmpty else {
            sawEndOfStream = true
            throw FaultServerStreamError.peerClosed
        }
        record(bytes)
    }

    private func record(_ bytes: [UInt8]) {
        transcript.received += bytes.prefix(FaultServer.Transcript.recordingLimit - transcript.received.count)
        if transcript.requestHead != nil { parseFrames() }
    }

    private func parseFrames() {
        while let (frame, length) = FaultServer.Frame.parse(transcript.received, at: parsePosition) {
            transcript.frames.append(frame)
            parsePosition += length
        }
    }

    // MARK: Writing

    private func upgrade(_ response: FaultServer.UpgradeResponse) throws {
        try readRequest()
        try write(response.bytes(key: transcript.requestHeaders("Sec-WebSocket-Key").first ?? ""))
    }

    private func write(_ bytes: [UInt8], reading: Bool = false) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            if reading { try receiveWithoutWaiting() }
            switch try stream.attemptWrite(rest) {
            case .done(let count): rest = rest.dropFirst(count)
            case .blocked(let events):
                try stream.wait(reading && !sawEndOfStream ? events | FaultServerStream.readable : events)
            case .endOfStream: throw FaultServerStreamError.peerClosed
            }
        }
    }

    private func writeSlowly(_ bytes: [UInt8], chunk: Int, pause: Duration) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            try write(Array(rest.prefix(max(chunk, 1))))
            rest = rest.dropFirst(max(chunk, 1))
            try stream.pause(pause)
        }
    }

    private func flood(_ bytes: [UInt8], count: Int?, reading: Bool) throws {
        guard !bytes.isEmpty else { return }
        // One write for many repetitions: a flood of tiny frames is not to be slowed down by system calls.
        let perBatch = max(1, 64 << 10 / bytes.count)
        let batch = Array(repeatElement(bytes, count: perBatch).joined())
        var remaining = count ?? .max
        while remaining > 0 {
            let repetitions = min(remaining, perBatch)
            try write(
                repetitions == perBatch ? batch : Array(batch.prefix(repetitions * bytes.count)), reading: reading)
            if count != nil { remaining -= repetitions }
        }
    }

    private func receiveWithoutWaiting() throws {
        var bytes: [UInt8] = []
        while !sawEndOfStream {
            switch try stream.attemptRead(appendingTo: &bytes) {
            case .done: continue
            case .blocked: return record(bytes)
            case .endOfStream: sawEndOfStream = true
            }
        }
        record(bytes)
    }

    /// Closing a socket with unread bytes would send a reset, so what still comes is read first.
    private func closeInGoodOrder() throws {
        stream.sendCloseNotify()
        stream.shutDownWriting()
        try readUntilEnd()
    }

    /// OpenSSL has sent its alert, which a reset would overtake.
    private func closeAfterTLSFailure() {
        stream.dropTLS()
        stream.shutDownWriting()
        while let bytes = try? stream.read(), !bytes.isEmpty {}
    }
}
