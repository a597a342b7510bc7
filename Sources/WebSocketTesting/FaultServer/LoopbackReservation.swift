internal import Synchronization
internal import LibWebSockets
internal import LibC

/// A port on a loopback address that is bound and not listened on: nobody else gets it, and a client that connects is
/// refused.
///
/// Without it two servers could meet: one listens on 127.0.0.1, another one gets the same number on ::1, and `localhost`
/// leads to either; or a server that is stopped for a while finds its port taken when it comes back.
final class LoopbackReservation: Sendable {
    enum Outcome {
        case made(LoopbackReservation)
        /// Somebody has the port.
        case taken
        /// This machine has no such address: nobody can be met there.
        case unavailable
    }

    private let descriptor: Lock<Int32?>

    /// The port that is kept.
    let port: UInt16

    private init(_ descriptor: Int32, port: UInt16) {
        self.descriptor = Lock(descriptor)
        self.port = port
    }

    deinit { release() }

    /// - Parameter port: 0 for one that nobody has.
    static func make(_ address: FaultServer.Address, port: UInt16) -> Outcome {
        let descriptor = socket(address == .ipv4Loopback ? AF_INET : AF_INET6, streamSocket, 0)
        guard descriptor >= 0 else { return .unavailable }
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        // With it a socket that listens may be bound beside this one (socket(7)), as long as this one does not listen.
        var enabled: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &enabled, socklen_t(MemoryLayout.size(ofValue: enabled)))
        guard address.withSocketAddress(port: port, { bind(descriptor, $0, $1) }) == 0 else {
            let isTaken = errno == EADDRINUSE
            _ = close(descriptor)
            return isTaken ? .taken : .unavailable
        }
        guard let bound = try? FaultServerListener.port(of: descriptor) else {
            _ = close(descriptor)
            return .unavailable
        }
        return .made(LoopbackReservation(descriptor, port: bound))
    }

    /// Keeps a port that is free on both loopback addresses, for a server on 127.0.0.1 that comes and goes; `nil` where no
    /// two sockets may be bound to one address, even if only one of them listens.
    static func ofServer() -> [LoopbackReservation]? {
        #if os(Linux)
            for _ in 0..<16 {
                guard case .made(let first) = make(.ipv4Loopback, port: 0) else { return nil }
                switch make(.ipv6Loopback, port: first.port) {
                case .made(let second): return [first, second]
                case .unavailable: return [first]
                case .taken: first.release()
                }
            }
        #endif
        return nil
    }

    /// Gives the port back.
    func release() {
        descriptor.withLock { descriptor in
            if let descriptor { _ = close(descriptor) }
            descriptor = nil
        }
    }
}
