import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import NIOWebSocket
import Workload

/// One WebSocket on SwiftNIO: frames in, frames out, on its event loop. Whoever uses it flushes.
final class Connection: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame
    typealias OutboundOut = WebSocketFrame

    private let opened: (Connection) -> Void
    private(set) var context: ChannelHandlerContext!
    var onFrame: (WebSocketFrame) -> Void = { _ in }
    var onReadComplete: () -> Void = {}
    var onWritable: () -> Void = {}
    var onClosed: () -> Void = {}
    private var isClosing = false

    init(opened: @escaping (Connection) -> Void) {
        self.opened = opened
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        opened(self)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        switch frame.opcode {
        case .connectionClose: context.close(promise: nil)
        case .ping:
            write(.pong, frame.unmaskedData)
            flush()
        case .pong: break
        default: onFrame(frame)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) { onReadComplete() }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { onWritable() }
    }

    func channelInactive(context: ChannelHandlerContext) {
        guard isClosing else { fail("the connection ended") }
        onClosed()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // The server ends TCP as soon as it has answered.
        guard isClosing else { fail("\(error)") }
        context.close(promise: nil)
    }

    var isWritable: Bool { context.channel.isWritable }

    func write(_ opcode: WebSocketOpcode, _ payload: ByteBuffer) {
        context.write(
            wrapOutboundOut(WebSocketFrame(fin: true, opcode: opcode, maskKey: .random(), data: payload)), promise: nil)
    }

    func flush() { context.flush() }

    func close() {
        isClosing = true
        var code = ByteBuffer()
        code.write(webSocketErrorCode: .normalClosure)
        write(.connectionClose, code)
        flush()
    }
}

func fail(_ reason: String) -> Never {
    print("client: \(reason)", to: &standardError)
    exit(1)
}

/// Sends the upgrade request once the channel is there.
private final class UpgradeRequest: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    let target: String
    let host: String

    init(target: String, host: String) {
        self.target = target
        self.host = host
    }

    func channelActive(context: ChannelHandlerContext) {
        let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: target, headers: ["Host": host])
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { fail("the upgrade was refused") }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { fail("\(error)") }
}

/// Makes connections as the options say.
struct Connector {
    private let tls: NIOSSLContext?
    private let host: String
    private let port: Int
    private let target: String
    private let readsMuch: Bool

    init(options: WorkloadOptions) throws {
        let parts = options.url.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: true)
        let authority = parts[1].split(separator: ":")
        guard parts.count == 3, authority.count == 2, let port = Int(authority[1]) else { fail("--url cannot be used") }
        (host, self.port, target) = (String(authority[0]), port, "/" + parts[2])
        if parts[0] == "wss:" {
            var configuration = TLSConfiguration.makeClientConfiguration()
            if let ca = options.ca { configuration.trustRoots = .file(ca) }
            tls = try NIOSSLContext(configuration: configuration)
        } else {
            tls = nil
        }
        readsMuch = [.send, .receive, .echo, .group].contains(options.workload)
    }

    func open(on loop: any EventLoop, _ opened: @escaping (Connection) -> Void) {
        open(on: loop) { channel in try channel.pipeline.syncOperations.addHandler(Connection(opened: opened)) }
    }

    /// - Parameter upgraded: Called on the event loop when frames are next.
    func open(on loop: any EventLoop, upgraded: @escaping (any Channel) throws -> Void) {
        var bootstrap = ClientBootstrap(group: loop)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in channel.eventLoop.makeCompletedFuture { try configure(channel, upgraded) } }
        if readsMuch {
            bootstrap =
                bootstrap
                .channelOption(
                    .recvAllocator,
                    value: AdaptiveRecvByteBufferAllocator(minimum: 1024, initial: 65536, maximum: 262_144)
                )
                .channelOption(.writeBufferWaterMark, value: .init(low: 512 << 10, high: 1 << 20))
        }
        bootstrap.connect(host: host, port: port).whenFailure { fail("\($0)") }
    }

    private func configure(_ channel: any Channel, _ upgraded: @escaping (any Channel) throws -> Void) throws {
        let pipeline = channel.pipeline.syncOperations
        // The certificate is verified for the address.
        if let tls { try pipeline.addHandler(NIOSSLClientHandler(context: tls, serverHostname: nil)) }
        let request = UpgradeRequest(target: target, host: "\(host):\(port)")
        let upgrader = NIOWebSocketClientUpgrader(maxFrameSize: 16 << 20) { channel, _ in
            channel.eventLoop.makeCompletedFuture { try upgraded(channel) }
        }
        try pipeline.addHTTPClientHandlers(
            withClientUpgrade: (
                upgraders: [upgrader],
                completionHandler: { context in context.pipeline.syncOperations.removeHandler(request, promise: nil) }
            ))
        try pipeline.addHandler(request)
    }
}
