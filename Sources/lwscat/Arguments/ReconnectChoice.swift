import ArgumentParser
import WebSocketService

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
