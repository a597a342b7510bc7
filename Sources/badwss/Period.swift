import ArgumentParser

/// A time with a unit: `500ms`, `60s`, `10m`; a number alone is of seconds.
struct Period: ExpressibleByArgument, Hashable {
    let duration: Duration

    init(_ duration: Duration) { self.duration = duration }

    init?(argument: String) {
        let units: [(suffix: String, seconds: Double)] = [("ms", 0.001), ("s", 1), ("m", 60), ("h", 3_600), ("", 1)]
        guard let unit = units.first(where: { argument.hasSuffix($0.suffix) }),
            // A century is more than anybody waits, and within what every clock can add.
            let number = Double(argument.dropLast(unit.suffix.count)), number > 0,
            number * unit.seconds <= 3_155_760_000
        else { return nil }
        duration = .seconds(number * unit.seconds)
    }

    var defaultValueDescription: String { "\(duration / .seconds(1))s" }
}
