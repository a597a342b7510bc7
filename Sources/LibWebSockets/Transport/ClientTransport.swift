internal import CLibwebsockets
internal import HTTPTypes
internal import WebSocketProtocol

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// What a ``ClientTransport`` tells its owner, always on the loop's thread.
protocol ClientTransportOwner: AnyObject {
    /// The TCP connection stands; TLS, if any, and the upgrade request follow.
    func transportDidConnect(_ transport: ClientTransport)
    /// TLS, if any, stands, and the upgrade request goes out.
    func transportDidRequestUpgrade(_ transport: ClientTransport)
    /// The response's head has arrived. Returns whether the tunnel opens; else the body follows, as far as it is wanted.
    func transport(_ transport: ClientTransport, didReceiveHead head: ResponseHead) -> Bool
    /// Part of a refusal's body. Returns whether more is wanted.
    func transport(_ transport: ClientTransport, didReceiveBody bytes: UnsafeRawBufferPointer) -> Bool
    /// The response to a refused request is complete.
    func transportDidCompleteResponse(_ transport: ClientTransport)
    /// The attempt or the connection has ended; nothing follows.
    func transport(_ transport: ClientTransport, didEnd end: TransportEnd)
}

/// What a proxy is asked for.
struct ProxyTunnel {
    var credentials: Proxy.Credentials?
    /// As it goes into the CONNECT request: IPv6 in brackets.
    var targetHost: String
    var targetPort: Int

    /// `user:password@address:port`, as libwebsockets takes it.
    func libwebsocketsAddress(of proxy: SocketAddress) -> String {
        credentials.map { "\($0.user):\($0.password)@\(proxy)" } ?? proxy.description
    }
}

/// One HTTP/1.1 connection of libwebsockets' client, which becomes a byte pipe when the server answers 101.
///
/// libwebsockets connects, does TLS and parses the response's head. The request is written whole by us: libwebsockets'
/// own would cut long paths and host names silently and has no room for the upgrade.
@safe final class ClientTransport: LoopSocket {
    private var machine = StateMachine()
    private let request: [UInt8]
    private let tls: TLSHandshake?
    private let tunnel: ProxyTunnel?
    /// Whoever connects; `nil` once the tunnel is open or the attempt over.
    private var owner: (any ClientTransportOwner)?
    /// What the bytes of the open tunnel go to.
    var consumer: (any PipeConsumer)?
    /// libwebsockets' service buffer, into which it reads the response's head; known once the request is written.
    private var serviceBuffer: UnsafeMutablePointer<CChar>?
    /// What the two sides agreed on, once TLS stands.
    private(set) var tlsInfo: TLSConnectionInfo?
    private var wantsReading = true
    /// Where the bytes of the read under way end up in the scratch buffer.
    private var filled = 0

    init(core: LoopCore, request: [UInt8], tls: TLSHandshake?, tunnel: ProxyTunnel?, owner: any ClientTransportOwner) {
        self.request = request
        self.tunnel = tunnel
        self.tls = tls
        self.owner = owner
        super.init(core: core)
    }

    /// Starts to connect to a numeric address. Events may arrive before this returns.
    func connect(to address: SocketAddress) throws(WebSocketError) {
        core.preconditionOnLoop()
        let proxy = tunnel.map { $0.libwebsocketsAddress(of: address) }
        let vhost = try unsafe core.clientVhost(tls: tls?.context, proxy: proxy)
        var info = unsafe lws_client_connect_info()
        unsafe info.vhost = vhost
        // Through a proxy, address and port are what it is asked to connect to.
        unsafe info.port = CInt(tunnel?.targetPort ?? address.port)
        unsafe info.ssl_connection = CInt(LCCSCF_HTTP_NO_FOLLOW_REDIRECT.rawValue)
        if tls != nil {
            // The name is verified by us: libwebsockets' check is off for some hosts and fails for others.
            unsafe info.ssl_connection |=
                CInt(LCCSCF_USE_SSL.rawValue) | CInt(LCCSCF_SKIP_SERVER_CERT_HOSTNAME_CHECK.rawValue)
        }
        unsafe info.retry_and_idle_policy = UnsafePointer(LoopProtocol.noRetryPolicy)
        unsafe info.local_protocol_name = LoopProtocol.namePointer
        unsafe info.opaque_user_data = Unmanaged.passUnretained(self as LoopSocket).toOpaque()
        core.retain(self)
        let target = tunnel?.targetHost ?? address.libwebsocketsAddress
        let handle = unsafe target.withCString { host in
            unsafe Self.requestTarget.withCString { path in
                unsafe Self.requestMethod.withCString { method in
                    unsafe Self.applicationProtocol.withCString { alpn in
                        unsafe info.address = host
                        // Neither is sent: the request and the server name indication are ours.
                        unsafe info.host = host
                        unsafe info.path = path
                        unsafe info.method = method
                        unsafe info.alpn = alpn
                        return unsafe core.connect(&info)
                    }
                }
            }
        }
        guard let handle = unsafe handle else {
            // Callbacks may have run, and even have ended it.
            unsafe wsi = nil
            core.releaseRefused(self)
            finish(TransportEnd(stage: .connect, cause: .library("refused at once")))
            return
        }
        if !machine.hasEnded { unsafe wsi = handle }
    }

    private static let requestMethod = "GET"
    private static let requestTarget = "/"
    private static let applicationProtocol = "http/1.1"

    // MARK: - Events

    override func handle(_ event: LoopSocketEvent) -> Bool {
        switch event {
        case .connected:
            guard machine.connected(usesProxy: tunnel != nil, usesTLS: tls != nil) else { return true }
            if let tls, let wsi = unsafe wsi {
                tls.expect(onSocket: unsafe lws_get_socket_fd(wsi))
            }
            owner?.transportDidConnect(self)
            return true
        case .appendRequest(let cursor, let room):
            guard !machine.hasEnded else {
                unsafe discardRequest(cursor: cursor)
                abort()
                return true
            }
            machine.requested()
            do {
                if let tls { try completeHandshake(tls) }
                try unsafe replaceRequest(cursor: cursor, room: room)
                owner?.transportDidRequestUpgrade(self)
            } catch {
                unsafe discardRequest(cursor: cursor)
                finish(TransportEnd(stage: .tls, cause: .error(error)))
                abort()
            }
            // A refusal here would free the socket under libwebsockets' feet (4.1): hence the abort.
            return true
        case .responseHead:
            return receiveHead()
        case .readable:
            defer { noticeLeftovers() }
            return read()
        case .bytes(let bytes):
            unsafe collect(bytes)
            return true
        case .writable:
            guard machine.isOpen, let consumer else { return true }
            return consumer.pipeIsWritable()
        case .completed:
            guard machine.isRefused else { return true }
            // This comes out of the very read that found the end of the body, which has collected bytes.
            if !deliverCollected() || machine.hasEnded { return true }
            owner?.transportDidCompleteResponse(self)
            return true
        case .failed(let detail):
            let error = systemError
            readLastWords()
            finish(TransportEnd(stage: stage, cause: error.map { .systemError($0) } ?? .library(detail)))
            return true
        case .closed:
            let error = systemError
            readLastWords()
            finish(TransportEnd(stage: stage, cause: error.map { .systemError($0) } ?? .endOfStream))
            return true
        }
    }

    override func loopEnds() {
        finish(TransportEnd(stage: stage, cause: .loopShutDown))
    }

    /// How far it has come. That the proxy has answered shows in nothing but the start of TLS.
    var stage: WebSocketError.Stage {
        machine.stage == .proxy && tls?.hasBegun == true ? .tls : machine.stage
    }

    /// Drops the attempt or the connection without telling anybody.
    func cancel() {
        machine.ended()
        consumer = nil
        owner = nil
        abort()
    }

    private func finish(_ end: TransportEnd) {
        guard machine.ended() else { return }
        let (consumer, owner) = (consumer, owner)
        self.consumer = nil
        self.owner = nil
        if let consumer {
            consumer.pipeDidEnd(end)
        } else {
            owner?.transport(self, didEnd: end)
        }
    }

    // MARK: - Request

    /// TLS stands: makes sure that the server was verified before it is told anything.
    private func completeHandshake(_ handshake: TLSHandshake) throws(WebSocketError) {
        guard let wsi = unsafe wsi, let ssl = unsafe lws_get_ssl(wsi) else { throw handshake.error() }
        tlsInfo = try unsafe handshake.complete(ssl)
    }

    /// Puts our request in the place of the one libwebsockets wrote in front of `cursor`.
    private func replaceRequest(
        cursor: UnsafeMutablePointer<UnsafeMutablePointer<CChar>>, room: Int
    ) throws(WebSocketError) {
        // libwebsockets adds the empty line that ends the head.
        let head = request.dropLast(2)
        guard
            let start = unsafe startOfRequest(endingAt: cursor.pointee),
            unsafe head.count <= room + (cursor.pointee - start)
        else {
            throw WebSocketError(
                .libraryUnsuitable, stage: .upgrade,
                message: "libwebsockets left no room for the upgrade request of \(request.count) bytes")
        }
        unsafe serviceBuffer = start
        unsafe head.withUnsafeBytes {
            unsafe UnsafeMutableRawPointer(start).copyMemory(from: $0.baseAddress!, byteCount: $0.count)
        }
        unsafe cursor.pointee = start + head.count
    }

    /// Leaves nothing of the request but the line end that libwebsockets adds.
    private func discardRequest(cursor: UnsafeMutablePointer<UnsafeMutablePointer<CChar>>) {
        if let start = unsafe startOfRequest(endingAt: cursor.pointee) { unsafe cursor.pointee = start }
    }

    /// Where libwebsockets' own request begins. It is short, because its path and host are: there is no need to look
    /// further back than it can reach.
    private func startOfRequest(endingAt end: UnsafeMutablePointer<CChar>) -> UnsafeMutablePointer<CChar>? {
        let opening = "\(Self.requestMethod) \(Self.requestTarget) HTTP/1.1\r\n"
        let length = opening.utf8.count
        for distance in length...(256 + Self.longestAddress)
        where unsafe strncmp(end - distance, opening, length) == 0 {
            return unsafe end - distance
        }
        return nil
    }

    /// The longest numeric address, an IPv6 one with its zone.
    private static let longestAddress = 64

    // MARK: - Response

    private func receiveHead() -> Bool {
        guard let wsi = unsafe wsi else { return false }
        let head = unsafe ResponseHead(wsi: wsi, serviceBuffer: serviceBuffer)
        guard machine.receivedHead(), let owner else { return false }
        if owner.transport(self, didReceiveHead: head) {
            machine.opened()
            self.owner = nil
        } else {
            machine.refused()
        }
        return !machine.hasEnded
    }

    // MARK: - Reading

    /// Reads until the socket is empty or the scratch buffer full, and hands everything over at once.
    private func read() -> Bool {
        guard let wsi = unsafe wsi, wantsReading else { return true }
        filled = 0
        var isAlive = true
        while unsafe filled < core.scratch.count {
            let before = filled
            var start: UnsafeMutablePointer<CChar>? =
                unsafe core.scratch.baseAddress?.advanced(by: filled).assumingMemoryBound(to: CChar.self)
            let room = unsafe core.scratch.count - filled
            var count = CInt(room)
            errno = 0
            isAlive = unsafe lws_http_client_read(wsi, &start, &count) >= 0
            // Without TLS a read that leaves room has emptied the socket; with TLS a read ends with its record.
            if !isAlive || filled <= before || (tls == nil && filled - before < room) { break }
        }
        // Taken at once: the next call into the C library may change it.
        let readError = errno
        guard deliverCollected() else { return false }
        guard isAlive else {
            let isSystemError = Self.connectionErrors.contains(readError)
            finish(TransportEnd(stage: stage, cause: isSystemError ? .systemError(readError) : .endOfStream))
            return false
        }
        return true
    }

    private func readLastWords() {
        // After a failure of TLS there is nothing to be had; before, an alert may wait that says more.
        guard !machine.hasEnded, tls?.failure == nil else { return }
        if tls != nil, unsafe wsi.flatMap({ unsafe lws_get_ssl($0) }) == nil { return }
        unsafe readLastWords { unsafe deliver($0) }
    }

    /// What `recv(2)` leaves in `errno` when the connection broke; anything else is left from something else.
    private static let connectionErrors: Set<Int32> = [
        ECONNRESET, ETIMEDOUT, EPIPE, ENETDOWN, EHOSTUNREACH, ENETUNREACH,
    ]

    /// libwebsockets reads into the scratch buffer, except for what had arrived together with the response's head.
    private func collect(_ bytes: UnsafeMutableRawBufferPointer) {
        guard let source = bytes.baseAddress, let scratch = unsafe core.scratch.baseAddress else { return }
        let destination = unsafe scratch + filled
        if unsafe source != destination {
            // Never more than was asked for: libwebsockets limits each read to the room it was given.
            let count = unsafe min(bytes.count, core.scratch.count - filled)
            unsafe memmove(destination, source, count)
            filled += count
        } else {
            filled += bytes.count
        }
    }

    private func deliverCollected() -> Bool {
        guard filled > 0 else { return true }
        let bytes = unsafe UnsafeMutableRawBufferPointer(rebasing: core.scratch[..<filled])
        filled = 0
        return unsafe deliver(bytes)
    }

    private func deliver(_ bytes: UnsafeMutableRawBufferPointer) -> Bool {
        if machine.isOpen {
            guard let consumer else { return false }
            return unsafe consumer.pipeDidReceive(bytes)
        }
        guard machine.isRefused, let owner else { return false }
        return unsafe owner.transport(self, didReceiveBody: UnsafeRawBufferPointer(bytes))
    }

    override var isReading: Bool { wantsReading }

    override func setReading(_ isReading: Bool) {
        guard isReading != wantsReading else { return }
        wantsReading = isReading
        // libwebsockets stops polling for input each time it says `readable`, and starts again with the next read: so
        // not reading is all it takes to stop, and reading is what resumes.
        guard isReading else { return }
        if read() { noticeLeftovers() } else { abort() }
    }
}
