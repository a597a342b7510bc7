internal import HTTPTypes

/// Reads the answer to one request from the bytes of a connection (RFC 9112), up to the point where they are no longer
/// HTTP or the request is refused.
///
/// It never keeps more than the limits say. Interim responses are skipped (RFC 9110 section 15.2). A head that breaks
/// HTTP is refused as soon as the line that does has arrived. A body is only there to be shown to a person: it is kept
/// as far as it is well-formed, and does not make less of the head in front of it.
package struct ResponseParser: Sendable {
    /// The request, which decides what a status means.
    package enum Request: Sendable {
        /// An opening handshake (RFC 6455 section 4.1).
        case upgrade
        /// A tunnel through a proxy (RFC 9110 section 9.3.6).
        case connect
    }

    package enum Progress: Hashable, Sendable {
        case needsMoreBytes
        /// The connection is no longer HTTP: 101 to an opening handshake, any 2xx to a `CONNECT`. Headers that would
        /// frame a body mean nothing here (RFC 9112 section 6.3). Of the bytes given with this call, `consumed` belong
        /// to the head; the rest are the first ones of the WebSocket or the tunnel.
        case switched(ResponseHead, consumed: Int)
        /// Any other status, with all of the body that is to be had or wanted.
        case refused(RefusedResponse)
    }

    /// As much as a browser takes (Chrome): 60 cookies of the 4 KiB that RFC 6265 section 6.1 asks for.
    package static let defaultMaximumHeadSize = 256 << 10
    package static let defaultMaximumBodySize = 64 << 10
    /// Nobody needs more than a few; without a limit they could go on until the deadline.
    static let maximumInterimResponses = 16

    private static let opening = Array("HTTP/".utf8)

    private let request: Request
    private let maximumHeadSize: Int
    private let maximumBodySize: Int
    private var reader: HeadReader
    private var interimResponses = 0
    /// The part of the head under way that has arrived, then the final head.
    private var head: ResponseHead?
    /// There once the head is complete and refuses.
    private var body: ResponseBody?
    private var isDecided = false

    /// Makes a parser for the answer to one request.
    ///
    /// - Parameters:
    ///   - maximumHeadSize: The limit for the status line and headers of one response together, in bytes.
    ///   - maximumBodySize: The part of a refusal's body that is kept, in bytes.
    package init(
        to request: Request, maximumHeadSize: Int = defaultMaximumHeadSize,
        maximumBodySize: Int = defaultMaximumBodySize
    ) {
        self.request = request
        self.maximumHeadSize = maximumHeadSize
        self.maximumBodySize = maximumBodySize
        reader = HeadReader(maximumSize: maximumHeadSize, lineEnding: .crLFOrLF)
    }

    /// The server has begun an answer whose head is not complete. The answer is lost when the stream ends here.
    package var isWithinHead: Bool {
        !isDecided && body == nil && !(reader.isEmpty && interimResponses == 0)
    }

    /// The head that refuses, while its body is still awaited.
    package var refusingHead: ResponseHead? {
        isDecided || body == nil ? nil : head
    }

    /// Reads on. Once this has returned anything but `needsMoreBytes`, or has thrown, further bytes are ignored.
    package mutating func receive(_ bytes: UnsafeRawBufferPointer) throws(HTTPViolation) -> Progress {
        guard !isDecided else { return .needsMoreBytes }
        do throws(HTTPViolation) {
            let progress = try read(bytes)
            if progress != .needsMoreBytes { isDecided = true }
            return progress
        } catch {
            isDecided = true
            throw error
        }
    }

    /// The stream has ended, in order or by a reset, or is no longer waited for: what has arrived is all there is.
    /// - Returns: `nil` when no whole head that refuses has arrived, or when the decision was made before.
    package mutating func finish() -> RefusedResponse? {
        guard !isDecided else { return nil }
        isDecided = true
        guard let head, let body else { return nil }
        return RefusedResponse(head: head, body: body.bytes)
    }

    private mutating func read(_ bytes: UnsafeRawBufferPointer) throws(HTTPViolation) -> Progress {
        var rest = bytes
        if body == nil {
            guard let head = try finalHead(&rest) else { return .needsMoreBytes }
            if try switches(head) { return .switched(head, consumed: bytes.count - rest.count) }
            body = ResponseBody(of: head, maximumSize: maximumBodySize)
        }
        guard let isOver = body?.receive(rest), isOver, let head, let body else { return .needsMoreBytes }
        return .refused(RefusedResponse(head: head, body: body.bytes))
    }

    /// The head of the response that decides, once it is complete.
    private mutating func finalHead(_ bytes: inout UnsafeRawBufferPointer) throws(HTTPViolation) -> ResponseHead? {
        while !bytes.isEmpty {
            if head == nil { try checkOpening(bytes) }
            guard let line = try reader.nextLine(&bytes) else { return nil }
            if head == nil {
                head = try ResponseHead(statusLine: line)
                continue
            }
            guard line.isEmpty else {
                try head?.headers.append(line: line)
                continue
            }
            guard let status = head?.status, status.kind == .informational, status.code != 101 else { return head }
            guard interimResponses < Self.maximumInterimResponses else {
                throw HTTPViolation(.tooManyInterimResponses(limit: Self.maximumInterimResponses))
            }
            interimResponses += 1
            head = nil
            reader = HeadReader(maximumSize: maximumHeadSize, lineEnding: .crLFOrLF)
        }
        return nil
    }

    /// Recognises another protocol by its first bytes: it may have no lines, or wait for an answer itself.
    private func checkOpening(_ bytes: UnsafeRawBufferPointer) throws(HTTPViolation) {
        let beginning = reader.beginning(bytes, count: HTTPViolation.excerptSize)
        guard beginning.starts(with: Self.opening.prefix(beginning.count)) else {
            throw .notHTTP(beginning: beginning)
        }
    }

    private func switches(_ head: ResponseHead) throws(HTTPViolation) -> Bool {
        switch request {
        case .upgrade:
            guard head.status.code == 101 else { return false }
            guard head.minorVersion >= 1 else { throw HTTPViolation(.switchInHTTP10) }
            return true
        case .connect:
            guard head.status.code != 101 else { throw HTTPViolation(.unaskedSwitch) }
            return head.status.kind == .successful
        }
    }
}
