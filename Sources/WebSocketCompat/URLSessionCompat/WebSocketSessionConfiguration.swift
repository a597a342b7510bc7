internal import Synchronization
public import Foundation
internal import LibWebSockets
public import WebSocketCompat

/// The settings of the connections of a session's tasks. A session copies it.
public final class WebSocketSessionConfiguration: Sendable {
    struct Values: Sendable {
        var timeoutIntervalForRequest: TimeInterval = 60
        var headers: [String: String]?
        var options = WebSocketCompatOptions()
    }

    private let lock: Lock<Values>

    init(_ values: Values = Values()) {
        lock = Lock(values)
    }

    var values: Values { lock.withLock { $0 } }

    /// A configuration with the defaults, a new one each time.
    public static var `default`: WebSocketSessionConfiguration { WebSocketSessionConfiguration() }

    /// The same as ``default``: nothing is kept anywhere.
    public static var ephemeral: WebSocketSessionConfiguration { WebSocketSessionConfiguration() }

    /// The time limit for connecting, in seconds, where the request says nothing else. The default is 60.
    public var timeoutIntervalForRequest: TimeInterval {
        get { values.timeoutIntervalForRequest }
        set { lock.withLock { $0.timeoutIntervalForRequest = newValue } }
    }

    /// Headers of every request; a request's own of the same name take their place. Only texts count.
    public var httpAdditionalHeaders: [AnyHashable: Any]? {
        get { values.headers }
        set {
            let headers = newValue.map { all in
                [String: String](
                    all.compactMap { name, value in
                        (name as? String).flatMap { name in (value as? String).map { (name, $0) } }
                    },
                    uniquingKeysWith: { $1 })
            }
            lock.withLock { $0.headers = headers }
        }
    }

    /// The settings that the original has no place for: TLS, proxies, limits, reconnecting.
    ///
    /// ```swift
    /// configuration.options.connection.tls.trustRoots = .pemFile("/etc/example/ca.pem")
    /// configuration.options.reconnects = .persistent
    /// ```
    public var options: WebSocketCompatOptions {
        get { values.options }
        set { lock.withLock { $0.options = newValue } }
    }
}
