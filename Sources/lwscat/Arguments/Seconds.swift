import ArgumentParser

/// A time in seconds, with a fraction if need be.
struct Seconds: ExpressibleByArgument, Hashable {
    let duration: Duration

    init?(argument: String) {
        // A century is more than anybody waits, and within what every clock can add.
        guard let seconds = Double(argument), seconds >= 0, seconds <= 3_155_760_000 else { return nil }
        duration = .seconds(seconds)
    }
}
