internal import CLibwebsockets
internal import HTTPTypes

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// Status and headers of the response to an upgrade request.
struct ResponseHead: Equatable {
    var status: Int
    var headers: HTTPFields
}

extension ResponseHead {
    /// Reads the head that libwebsockets has just parsed.
    ///
    /// 4.1 keeps headers it has no name for, but cannot list them. The response as it came still stands in the service
    /// buffer when it arrived in one piece, as it nearly always does: then everything is taken from there, in the
    /// server's order and spelling. Otherwise libwebsockets is asked for every header that it knows by name.
    init(wsi: OpaquePointer, serviceBuffer: UnsafeMutablePointer<CChar>?) {
        let status = Int(unsafe lws_http_client_http_response(wsi))
        if let serviceBuffer = unsafe serviceBuffer {
            // Reads go behind the room that writes would need in front (service.c, `lws_buflist_aware_read`).
            let received = unsafe UnsafeRawBufferPointer(
                start: serviceBuffer + clws_pre, count: LoopCore.maximumResponseHeadSize)
            if let head = unsafe ResponseHead(bytes: received), head.status == status {
                self = head
                return
            }
        }
        self.status = status
        headers = unsafe Self.knownHeaders(of: wsi)
    }

    /// Parses a head that starts `bytes`; `nil` when no whole head is there. What follows it is not looked at.
    init?(bytes: UnsafeRawBufferPointer) {
        let opening: StaticString = "HTTP/1."
        guard
            bytes.count > 16,
            unsafe memcmp(bytes.baseAddress!, opening.utf8Start, opening.utf8CodeUnitCount) == 0
        else { return nil }
        let emptyLine: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A]
        let length = (0...(bytes.count - emptyLine.count)).first { unsafe bytes[$0...].starts(with: emptyLine) }
        guard let length else { return nil }
        let text = unsafe String(decoding: UnsafeRawBufferPointer(rebasing: bytes[..<length]), as: UTF8.self)
        // A CR LF is one Character, so lines are cut by scalars.
        let lines = text.unicodeScalars.split(separator: "\n").map { line in
            String(String.UnicodeScalarView(line.last == "\r" ? line.dropLast() : line))
        }
        guard let statusLine = lines.first,
            let status = statusLine.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
        else { return nil }
        self.status = status
        headers = HTTPFields()
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":"), let name = HTTPField.Name(String(line[..<colon])) else {
                continue
            }
            let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
            headers.append(HTTPField(name: name, value: String(value)))
        }
    }

    private static func knownHeaders(of wsi: OpaquePointer) -> HTTPFields {
        var fields = HTTPFields()
        unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: LoopCore.maximumResponseHeadSize) { buffer in
            for index in 0..<WSI_TOKEN_COUNT.rawValue {
                let token = lws_token_indexes(rawValue: index)
                guard
                    let spelling = unsafe lws_token_to_string(token),
                    let name = Self.fieldName(unsafe String(cString: spelling))
                else { continue }
                var fragment: CInt = 0
                while unsafe lws_hdr_copy_fragment(wsi, buffer.baseAddress, CInt(buffer.count), token, fragment) >= 0 {
                    fields.append(HTTPField(name: name, value: unsafe String(cString: buffer.baseAddress!)))
                    fragment += 1
                }
            }
        }
        return fields
    }

    /// libwebsockets spells headers `name:`; its other tokens are parts of the first line.
    private static func fieldName(_ token: String) -> HTTPField.Name? {
        token.hasSuffix(":") ? HTTPField.Name(String(token.dropLast())) : nil
    }
}
