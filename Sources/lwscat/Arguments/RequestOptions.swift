import ArgumentParser
import Foundation
import HTTPTypes
import WebSocketService

/// The options of the upgrade request.
struct RequestOptions: ParsableArguments {
    @Option(
        name: [.customShort("H"), .customLong("header")],
        help: ArgumentHelp("A header of the upgrade request. May be repeated.", valueName: "name: value"))
    var headers: [Header] = []

    @Option(
        name: [.customShort("s"), .customLong("subprotocol")],
        help: ArgumentHelp(
            "A subprotocol to offer, the preferred one first; with --listen, to accept. May be repeated.",
            valueName: "name"))
    var subprotocols: [String] = []

    @Option(help: ArgumentHelp("Basic authorization.", valueName: "user:password"))
    var auth: BasicCredentials?

    @Option(
        name: .customLong("cookie"), help: ArgumentHelp("A cookie. May be repeated.", valueName: "name=value"))
    var cookies: [String] = []

    @Option(help: ArgumentHelp("The Origin header.", valueName: "origin"))
    var origin: String?

    @Option(help: ArgumentHelp("The largest message to accept, in bytes.", valueName: "bytes"))
    var maximumSize = 16 << 20

    @Flag(name: .customLong("no-compression"), help: "Do not offer permessage-deflate.")
    var noCompression = false

    func validate() throws {
        let own: [(option: String, name: HTTPField.Name, isGiven: Bool)] = [
            ("--auth", .authorization, auth != nil), ("--cookie", .cookie, !cookies.isEmpty),
            ("--origin", .origin, origin != nil),
        ]
        for (option, name, isGiven) in own where isGiven && headers.contains(where: { $0.name == name }) {
            throw ValidationError("\(option) makes the header \(name): give one of the two.")
        }
        if maximumSize < 1 { throw ValidationError("--maximum-size must be at least 1.") }
    }

    func apply(to configuration: inout WebSocketConfiguration) {
        configuration.headers = fields
        configuration.subprotocols = subprotocols
        configuration.compression = noCompression ? .disabled : .automatic
        configuration.maximumMessageSize = maximumSize
    }

    var fields: HTTPFields {
        var fields = HTTPFields()
        for header in headers { fields.append(HTTPField(name: header.name, value: header.value)) }
        if let origin { fields[.origin] = origin }
        if !cookies.isEmpty { fields[.cookie] = cookies.joined(separator: "; ") }
        if let auth { fields[.authorization] = "Basic \(Data(auth.text.utf8).base64EncodedString())" }
        return fields
    }
}
