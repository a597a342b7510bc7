import ArgumentParser

/// The time to stay after the last line of the input.
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
