import ArgumentParser

/// `user:password`.
struct BasicCredentials: ExpressibleByArgument, Hashable {
    let text: String

    init?(argument: String) {
        guard argument.contains(":") else { return nil }
        text = argument
    }
}
