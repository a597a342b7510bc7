import Foundation
import WebSocketProtocol
import WebSocketService

/// Bytes that may be JSON, read by the router and by Foundation.
@Sendable func fuzzRoutes(_ bytes: [UInt8]) throws(Finding) {
    let message = WebSocketMessage.binary(bytes)
    let router = JSONRouter()
    let route = router.route(of: message)
    // Foundation also reads UTF-16 and UTF-32, which have zeros and are no JSON between systems (RFC 8259 section 8.1).
    let isText = !bytes.contains(0) && String(validating: bytes, as: UTF8.self) != nil
    let object = isText ? (try? JSONSerialization.jsonObject(with: Data(bytes))) as? [String: Any] : nil
    if let object, isPlain(bytes, key: "socketType") {
        switch object["socketType"] {
        case nil: try check(route == nil, "a route \(route ?? "") where there is no key")
        case let text as String: try check(route == text, "the route is \(route ?? "none") instead of \(text)")
        case is [Any], is [String: Any]: try check(route == nil, "a route \(route ?? "") that is no text")
        default: try check(route != nil, "a number, true, false or null is no route")
        }
    }
    guard let (correlated, id) = router.correlated(message, proposedID: 42) else { return }
    try check(router.correlationID(of: correlated) == id, "the request has another number than \(id)")
    if let object {
        let changed = try? JSONSerialization.jsonObject(with: Data(correlated.payload)) as? [String: Any]
        try check(changed != nil, "what was JSON is none with a number in it")
        try check(changed?.count == object.count || changed?.count == object.count + 1, "keys are lost")
        if isPlain(bytes, key: "socketType") { try check(router.route(of: correlated) == route, "the route is lost") }
    }
}

/// Tells whether nothing in the text can be the key a second time, which the two sides take differently on purpose.
private func isPlain(_ bytes: [UInt8], key: String) -> Bool {
    let text = String(decoding: bytes, as: UTF8.self)
    return !text.contains("\\u00") && text.ranges(of: "\"\(key)\"").count <= 1
}
