import ArgumentParser
import WebSocketService

/// `sha256/…`.
struct Pin: ExpressibleByArgument, Hashable {
    let value: SPKIPin

    init?(argument: String) {
        guard let value = try? SPKIPin(argument) else { return nil }
        self.value = value
    }
}
