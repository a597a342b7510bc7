import HTTPTypes
import WebSocketProtocol

/// The verdict of our parser on a head.
struct Head: Encodable {
    /// `head`, `incomplete` or `violation`.
    private var outcome: String
    /// The broken rule.
    private var rule: String?
    private var status: Int?
    private var reason: String?
    private var method: String?
    private var target: String?
    /// Names, and values in hexadecimal.
    private var headers: [[String]] = []

    init(response bytes: ArraySlice<UInt8>) {
        var parser = ResponseParser(to: .upgrade)
        outcome = "incomplete"
        do throws(HTTPViolation) {
            let progress = try bytes.withUnsafeBufferPointer { bytes throws(HTTPViolation) in
                try parser.receive(UnsafeRawBufferPointer(bytes))
            }
            let head: ResponseHead? =
                switch progress {
                case .needsMoreBytes: parser.finish()?.head
                case .switched(let head, _): head
                case .refused(let response): response.head
                }
            guard let head else { return }
            outcome = "head"
            status = head.status.code
            reason = head.status.reasonPhrase
            take(head.headers)
        } catch {
            outcome = "violation"
            rule = String("\(error.rule)".prefix { $0 != "(" })
        }
    }

    init(request bytes: ArraySlice<UInt8>) {
        var parser = UpgradeRequestParser()
        outcome = "incomplete"
        do throws(UpgradeRejection) {
            let progress = try bytes.withUnsafeBufferPointer { bytes throws(UpgradeRejection) in
                try parser.parse(UnsafeRawBufferPointer(bytes))
            }
            guard case .complete(let head, _) = progress else { return }
            outcome = "head"
            method = head.method
            target = head.target
            take(head.headers)
        } catch {
            outcome = "violation"
            rule = error.message
        }
    }

    private mutating func take(_ fields: HTTPFields) {
        headers = fields.map { field in
            let value = field.withUnsafeBytesOfValue { bytes in
                bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
            }
            return [field.name.rawName, value]
        }
    }
}
