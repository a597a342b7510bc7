import ArgumentParser
import HTTPTypes
import WebSocketService

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
