import ArgumentParser
import HTTPTypes
import WebSocketService

/// A time in seconds, with a fraction if need be.
struct Seconds: ExpressibleByArgument, Hashable {
    let duration: Duration

    init?(argument: String) {
        // A century is more than anybody waits, and within what every clock can add.
        guard let seconds = Double(argument), seconds >= 0, seconds <= 3_155_760_000 else { return nil }
        duration = .seconds(seconds)
    }
}

/// How long to stay after the last line of the input.
enum Wait: ExpressibleByArgument, Hashable {
    case limited(Duration)
    case forever

    init?(argument: String) {
        if argument == "forever" {
            self = .forever
        } else if let seconds = Seconds(argument: argument) {
            self = .limited(seconds.duration)
        } else {
            return nil
        }
    }

    static var defaultCompletionKind: CompletionKind { .list(["forever"]) }
}

/// `Name: value`.
struct Header: ExpressibleByArgument, Hashable {
    let name: HTTPField.Name
    let value: String

    init?(argument: String) {
        let parts = argument.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let name = HTTPField.Name(String(parts[0])) else { return nil }
        self.name = name
        value = String(parts[1].drop { $0 == " " || $0 == "\t" })
    }
}

/// `user:password`.
struct BasicCredentials: ExpressibleByArgument, Hashable {
    let text: String

    init?(argument: String) {
        guard argument.contains(":") else { return nil }
        text = argument
    }
}

/// A policy of the service's, and its first delay: `exponential`, `persistent`, `linear:2`, `fixed:0.5`.
struct ReconnectChoice: ExpressibleByArgument, Hashable {
    enum Kind: String, CaseIterable {
        case exponential, persistent, linear, fixed
    }

    let kind: Kind
    let delay: Duration?

    init?(argument: String) {
        let parts = argument.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard let kind = Kind(rawValue: String(parts[0])) else { return nil }
        self.kind = kind
        if parts.count == 2 {
            guard let seconds = Seconds(argument: String(parts[1])) else { return nil }
            delay = seconds.duration
        } else {
            delay = nil
        }
    }

    static var allValueStrings: [String] { Kind.allCases.map(\.rawValue) }
    static var defaultCompletionKind: CompletionKind { .list(allValueStrings) }

    func policy(maximumRetries: Int?) -> ReconnectPolicy {
        switch kind {
        case .exponential, .persistent:
            var policy = ReconnectPolicy.exponential(
                initial: delay ?? .milliseconds(500), maximumRetries: maximumRetries)
            policy.isPersistent = kind == .persistent
            return policy
        case .linear: return .linear(step: delay ?? .seconds(1), maximumRetries: maximumRetries)
        case .fixed: return .fixed(delay ?? .seconds(1), maximumRetries: maximumRetries)
        }
    }
}

/// A port, or host and port: `8080`, `0.0.0.0:8080`, `[::1]:0`.
struct ListenAddress: ExpressibleByArgument, Hashable {
    let host: String
    let port: Int

    init?(argument: String) {
        let separator = argument.lastIndex(of: ":")
        let digits = separator.map { argument[argument.index(after: $0)...] } ?? argument[...]
        guard let port = Int(digits), (0...65_535).contains(port) else { return nil }
        self.port = port
        var host = separator.map { argument[..<$0] } ?? "127.0.0.1"
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        guard !host.isEmpty else { return nil }
        self.host = String(host)
    }
}

/// `environment`, or the URL of a proxy.
struct ProxyChoice: ExpressibleByArgument {
    let selection: ProxySelection

    init?(argument: String) {
        if argument == "environment" {
            selection = .fromEnvironment
        } else if let proxy = try? Proxy(argument) {
            selection = .proxy(proxy)
        } else {
            return nil
        }
    }

    static var defaultCompletionKind: CompletionKind { .list(["environment"]) }
}

/// `sha256/…`.
struct Pin: ExpressibleByArgument, Hashable {
    let value: SPKIPin

    init?(argument: String) {
        guard let value = try? SPKIPin(argument) else { return nil }
        self.value = value
    }
}

/// When to use colours.
enum ColorChoice: String, CaseIterable, ExpressibleByArgument {
    case auto, always, never
}

/// The versions of TLS that may be demanded.
enum TLSProtocolVersionChoice: String, CaseIterable, ExpressibleByArgument {
    case tls12 = "1.2"
    case tls13 = "1.3"

    var version: TLSProtocolVersion { self == .tls12 ? .tls12 : .tls13 }
}
