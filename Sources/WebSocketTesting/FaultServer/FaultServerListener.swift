internal import Synchronization
import LibWebSockets
internal import LibC

/// A listening socket on a loopback address.
final class FaultServerListener: Sendable {
    let port: UInt16
    private let address: FaultServer.Address
    /// The listening socket first, then those that fill its queue; empty once closed.
    private let descriptors: Lock<[Int32]>

    /// - Parameter port: 0 for one that the system chooses.
    init(
        address: FaultServer.Address, port: UInt16 = 0, receiveBufferSize: Int? = nil, backlog: Int32 = 128
    ) throws {
        let descriptor = try Self.makeSocket(address)
        do {
            if let receiveBufferSize {
                // Accepted sockets inherit it; set before listen(2), which is when TCP settles its window scale (tcp(7)).
                var size = Int32(clamping: receiveBufferSize)
                setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout.size(ofValue: size)))
            }
            if port != 0 {
                // Connections of an earlier server may linger in TIME_WAIT.
                var enabled: Int32 = 1
                setsockopt(
                    descriptor, SOL_SOCKET, SO_REUSEADDR, &enabled, socklen_t(MemoryLayout.size(ofValue: enabled)))
            }
            guard address.withSocketAddress(port: port, { bind(descriptor, $0, $1) }) == 0 else {
                throw FaultServerError.systemCall("bind to \(address), port \(port)")
            }
            guard listen(descriptor, backlog) == 0 else { throw FaultServerError.systemCall("listen") }
            self.port = try Self.port(of: descriptor)
        } catch {
            _ = close(descriptor)
            throw error
        }
        self.address = address
        descriptors = Lock([descriptor])
    }

    deinit { stop() }

    func stop() {
        descriptors.withLock { descriptors in
            for descriptor in descriptors { _ = close(descriptor) }
            descriptors = []
        }
    }

    /// accept(2), whoever the client is.
    static func accept(_ descriptor: Int32) -> Int32 {
        systemAccept(descriptor)
    }

    /// A client has connected that was not accepted yet.
    var hasPendingConnection: Bool {
        guard let descriptor = descriptors.withLock({ $0.first }) else { return false }
        var polled = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&polled, 1, 0) > 0
    }

    /// The time that a server waits when the system has no descriptor or memory for it.
    static let shortageDelay = Duration.milliseconds(20)

    /// The next connection, non-blocking, or `nil` when the server stops.
    ///
    /// - Parameter accept: The function accept(2), which tests replace.
    func nextConnection(
        interrupt: FaultServerInterrupt, accept: (Int32) -> Int32 = FaultServerListener.accept
    ) -> Int32? {
        guard let descriptor = descriptors.withLock({ $0.first }) else { return nil }
        while true {
            guard case .ready = interrupt.wait(for: descriptor, events: POLLIN) else { return nil }
            let connection = accept(descriptor)
            guard connection >= 0 else {
                // Fails when the client has gone again (accept(2), ECONNABORTED): there will be another one. With a shortage
                // the connection stays in the queue and the socket readable: trying again at once would only spin.
                let isShortage = [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(errno)
                if isShortage, case .fired = interrupt.wait(for: -1, events: 0, atMost: Self.shortageDelay) {
                    return nil
                }
                continue
            }
            Self.configure(connection)
            var enabled: Int32 = 1
            // Each write leaves as a segment of its own, so that a client meets the boundaries of the script.
            let size = socklen_t(MemoryLayout.size(ofValue: enabled))
            setsockopt(connection, Int32(IPPROTO_TCP), TCP_NODELAY, &enabled, size)
            return connection
        }
    }

    /// Connects to the socket until its queue takes no more. Linux answers no further SYN then.
    func fillBacklog() throws {
        for _ in 0..<16 {
            let client = try Self.makeSocket(address)
            descriptors.withLock { $0.append(client) }
            let result = address.withSocketAddress(port: port) { connect(client, $0, $1) }
            guard result == 0 || errno == EINPROGRESS else { throw FaultServerError.systemCall("connect") }
            var polled = pollfd(fd: client, events: Int16(POLLOUT), revents: 0)
            // On the loopback interface a connection that is going to be made is made within connect(2).
            if poll(&polled, 1, 100) == 0 { return }
        }
        throw FaultServerError(
            description: "FaultServer: this system still accepts connections when the queue is full")
    }

    private static func makeSocket(_ address: FaultServer.Address) throws -> Int32 {
        let family = address == .ipv4Loopback ? AF_INET : AF_INET6
        let descriptor = socket(family, streamSocket, 0)
        guard descriptor >= 0 else { throw FaultServerError.systemCall("socket for \(address)") }
        configure(descriptor)
        return descriptor
    }

    private static func configure(_ descriptor: Int32) {
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
    }

    static func port(of descriptor: Int32) throws -> UInt16 {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout.size(ofValue: storage))
        return try withUnsafeMutablePointer(to: &storage) { storage in
            try storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                guard getsockname(descriptor, address, &length) == 0 else {
                    throw FaultServerError.systemCall("getsockname")
                }
            }
            // The port is at the same place in sockaddr_in and sockaddr_in6 (RFC 3493 section 3.3).
            return storage.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
                UInt16(bigEndian: $0.pointee.sin_port)
            }
        }
    }
}

extension FaultServer.Address {
    func withSocketAddress<Result>(
        port: UInt16,
        _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        func rebind<Address>(_ address: Address) -> Result {
            withUnsafePointer(to: address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    body($0, socklen_t(MemoryLayout<Address>.size))
                }
            }
        }
        switch self {
        case .ipv4Loopback:
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            return rebind(address)
        case .ipv6Loopback:
            var address = sockaddr_in6()
            address.sin6_family = sa_family_t(AF_INET6)
            address.sin6_port = port.bigEndian
            address.sin6_addr = in6addr_loopback
            return rebind(address)
        }
    }
}
