import NIOCore
import NIOPosix
import NIOSSL

/// A client that somebody else wrote: one HTTPS request with SwiftNIO's TLS.
enum NIOClient {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// - Parameters:
    ///   - host: The host to connect to, which the certificate has to be for.
    ///   - authorityFile: The one authority to trust.
    static func get(host: String, port: Int, authorityFile: String) async throws -> String {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.trustRoots = .file(authorityFile)
        configuration.applicationProtocols = ["http/1.1"]
        let context = try NIOSSLContext(configuration: configuration)
        let isAddress = (try? SocketAddress(ipAddress: host, port: port)) != nil
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let answer = loop.makePromise(of: String.self)
        let channel = try await ClientBootstrap(group: loop)
            .connectTimeout(.seconds(3))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandlers(
                        NIOSSLClientHandler(context: context, serverHostname: isAddress ? nil : host),
                        Exchange(host: host, answer: answer))
                }
            }
            .connect(host: host, port: port).get()
        let timeout = loop.scheduleTask(in: .seconds(3)) {
            answer.fail(Failure(description: "no answer within 3 s"))
        }
        defer {
            timeout.cancel()
            channel.close(promise: nil)
        }
        return try await answer.futureResult.get()
    }

    /// Sends a request and collects the answer until the server closes.
    private final class Exchange: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private let host: String
        private let answer: EventLoopPromise<String>
        private var received = ""

        init(host: String, answer: EventLoopPromise<String>) {
            self.host = host
            self.answer = answer
        }

        func channelActive(context: ChannelHandlerContext) {
            // NIOSSLClientHandler holds it back until the handshake is complete.
            let request = "GET / HTTP/1.1\r\nHost: \(host)\r\nConnection: close\r\n\r\n"
            context.writeAndFlush(NIOAny(ByteBuffer(string: request)), promise: nil)
            context.fireChannelActive()
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            received += String(buffer: unwrapInboundIn(data))
        }

        func channelInactive(context: ChannelHandlerContext) {
            if received.hasPrefix("HTTP/1.1 200 ") {
                answer.succeed(received)
            } else {
                answer.fail(Failure(description: "the connection ended after \"\(received.prefix(40))\""))
            }
            context.fireChannelInactive()
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            answer.fail(error)
            context.close(promise: nil)
        }
    }
}
