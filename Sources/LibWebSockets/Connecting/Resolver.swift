internal import Synchronization
// Both modules, because the order of the build decides which of the two declares what of <netdb.h>.
internal import CLibwebsockets
internal import LibC

/// Looks host names up with the system's resolver, on threads of its own.
///
/// `getaddrinfo(3)` blocks, for half a minute when a name server is silent (resolv.conf(5): `timeout`, `attempts`). Neither
/// a loop nor Swift's executor nor Dispatch, which shares its threads with that, can wait so long. A thread lives as long as
/// there is a name to look up; the limit keeps blocked lookups from taking over the process.
final class Resolver: Sendable {
    /// The one that all connections use.
    static let shared = Resolver()

    /// So many names can be without an answer before another one has to wait for its turn.
    static let maximumThreadCount = 64
    /// Enough for the C library and the modules of nsswitch.conf(5), of which only what is touched takes memory.
    private static let stackSize = 512 << 10

    typealias Callback = @Sendable (Result<[SocketAddress], WebSocketError>) -> Void
    /// Finds the addresses of a name, with port 0. Blocks.
    typealias LookUp = @Sendable (_ host: String) -> Result<[SocketAddress], WebSocketError>
    /// Starts a thread; returns the system's error number, 0 when it has started.
    typealias StartThread = @Sendable (@escaping @Sendable () -> Void) -> CInt

    private struct LookupRequest {
        let port: Int
        let callback: Callback
    }

    private let queue: Lock<LookupQueue<LookupRequest>>
    private let lookUp: LookUp
    private let startThread: StartThread

    init(
        threadLimit: Int = Resolver.maximumThreadCount,
        lookUp: @escaping LookUp = { host in
            Result { () throws(WebSocketError) in try Resolver.systemLookUp(host, flags: 0) }
        },
        startThread: @escaping StartThread = {
            DetachedThread.start(named: "name-lookup", stackSize: Resolver.stackSize, $0)
        }
    ) {
        queue = Lock(LookupQueue(threadLimit: threadLimit))
        self.lookUp = lookUp
        self.startThread = startThread
    }

    /// A lookup that somebody waits for.
    struct Lookup: Sendable {
        fileprivate let resolver: Resolver
        fileprivate let id: UInt64

        /// The look-up waits behind others that no name server answers.
        var isHeldUp: Bool { resolver.queue.withLock { $0.isHeldUp(id) } }

        /// Stops waiting. The callback is not called any more, unless it is being called already.
        func cancel() {
            resolver.queue.withLock { $0.cancel(id) }
        }
    }

    /// The number of threads at work.
    var threadCount: Int { queue.withLock { $0.threadCount } }
    /// The number of names that wait for one.
    var waitingNameCount: Int { queue.withLock { $0.waitingNameCount } }

    /// Finds the addresses of `host`, in the system's order of preference (RFC 6724), none twice. A literal is its own
    /// address.
    ///
    /// - Parameter callback: Called once, on any thread; with ``WebSocketError`` when the name has no address.
    /// - Returns: The lookup that is under way; `nil` when `callback` has been called.
    @discardableResult
    func addresses(of host: String, port: Int, callback: @escaping Callback) -> Lookup? {
        if let literal = try? Self.systemLookUp(host, flags: AI_NUMERICHOST) {
            callback(.success(literal.map { SocketAddress(host: $0.host, port: port) }))
            return nil
        }
        let (id, action) = queue.withLock { $0.add(LookupRequest(port: port, callback: callback), for: host) }
        if action == .startThread {
            let code = startThread { self.work() }
            if code != 0 {
                let error = Self.threadError(code)
                for request in queue.withLock({ $0.threadDidNotStart() }) { request.callback(.failure(error)) }
            }
        }
        return Lookup(resolver: self, id: id)
    }

    /// The body of a thread.
    private func work() {
        while let host = queue.withLock({ $0.next() }) {
            let result = lookUp(host)
            for request in queue.withLock({ $0.finished(host) }) {
                request.callback(
                    result.map { $0.map { SocketAddress(host: $0.host, port: request.port) } })
            }
        }
    }

    private static func threadError(_ code: CInt) -> WebSocketError {
        .resourceUnavailable(code, stage: .nameResolution, for: "no thread could be started to look up host names")
    }

    private static func systemLookUp(_ host: String, flags: CInt) throws(WebSocketError) -> [SocketAddress] {
        var hints = unsafe addrinfo()
        unsafe hints.ai_flags = flags
        unsafe hints.ai_socktype = streamSocket
        var list: UnsafeMutablePointer<addrinfo>?
        let code = unsafe getaddrinfo(host, nil, &hints, &list)
        guard code == 0 else {
            let systemError: CInt? =
                switch code {
                case EAI_SYSTEM: errno
                case EAI_MEMORY: ENOMEM
                // The C library, which cannot ask anybody without a socket, says that the name does not exist.
                default: flags == AI_NUMERICHOST ? nil : DescriptorReserve.shortage(of: 1)
                }
            if let systemError, WebSocketError.isShortage(systemError) {
                throw .resourceUnavailable(
                    systemError, stage: .nameResolution, for: "the host name \"\(host)\" could not be looked up")
            }
            let reason =
                unsafe systemError.map { unsafe String(cString: strerror($0)) } ?? String(cString: gai_strerror(code))
            throw WebSocketError(
                .nameResolutionFailed, stage: .nameResolution,
                message: """
                    the host name "\(host)" could not be resolved: \(reason). Is it spelt right, and does this machine's \
                    resolver work?
                    """, errno: systemError)
        }
        defer { unsafe freeaddrinfo(list) }
        var addresses: [SocketAddress] = []
        var next = unsafe list
        while let entry = unsafe next?.pointee {
            if let address = unsafe SocketAddress(entry.ai_addr, length: entry.ai_addrlen), !addresses.contains(address)
            {
                addresses.append(address)
            }
            unsafe next = entry.ai_next
        }
        return addresses
    }
}
