import ArgumentParser

/// The scheme of the URLs: the servers answer both kinds of requests.
enum Scheme: String, CaseIterable, ExpressibleByArgument {
    case wss, https
}
