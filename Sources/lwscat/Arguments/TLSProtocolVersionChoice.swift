import ArgumentParser
import WebSocketService

/// The versions of TLS that may be demanded.
enum TLSProtocolVersionChoice: String, CaseIterable, ExpressibleByArgument {
    case tls12 = "1.2"
    case tls13 = "1.3"

    var version: TLSProtocolVersion { self == .tls12 ? .tls12 : .tls13 }
}
