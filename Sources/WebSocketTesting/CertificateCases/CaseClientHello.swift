internal import COpenSSL
internal import LibC

/// A client's ClientHello, and the reaction of a case's server to it. Belongs to one connection's thread, where OpenSSL's
/// callbacks run too.
final class CaseClientHello {
    /// The server's behavior that its certificate does not show.
    struct Behavior: Sendable {
        /// The stapled OCSP response, in DER.
        var stapledResponse: [UInt8]?
        /// The server names a protocol that nobody offers.
        var choosesUnofferedProtocol = false
        /// A client that does not name the host gets an alert.
        var requiresServerName = false
    }

    private(set) var serverName: String?
    private(set) var offersProtocols = false
    private(set) var asksForStapledResponse = false
    private let behavior: Behavior

    init(_ behavior: Behavior) { self.behavior = behavior }

    /// Sets the callbacks that every connection of a context needs.
    static func install(on sslContext: OpaquePointer) {
        SSL_CTX_set_client_hello_cb(sslContext, readHello, nil)
        SSL_CTX_set_alpn_select_cb(sslContext, chooseProtocol, nil)
        copenssl_SSL_CTX_set_tlsext_status_cb(sslContext, stapleResponse)
    }

    /// Binds this to the `SSL*`, which must not outlive it.
    func bind(to ssl: OpaquePointer) {
        // Index 0 is the application's (SSL_set_app_data, a macro).
        SSL_set_ex_data(ssl, 0, Unmanaged.passUnretained(self).toOpaque())
    }

    private static func of(_ ssl: OpaquePointer?) -> CaseClientHello? {
        SSL_get_ex_data(ssl, 0).map { Unmanaged<CaseClientHello>.fromOpaque($0).takeUnretainedValue() }
    }

    private func read(_ ssl: OpaquePointer?) {
        if let bytes = Self.extensionBytes(UInt32(TLSEXT_TYPE_server_name), of: ssl), bytes.count > 5 {
            // A list's length, a type and a name's length come first (RFC 6066 section 3).
            serverName = String(decoding: bytes.dropFirst(5), as: UTF8.self)
        }
        offersProtocols =
            Self.extensionBytes(UInt32(TLSEXT_TYPE_application_layer_protocol_negotiation), of: ssl) != nil
        asksForStapledResponse = Self.extensionBytes(UInt32(TLSEXT_TYPE_status_request), of: ssl) != nil
    }

    private static func extensionBytes(_ type: UInt32, of ssl: OpaquePointer?) -> [UInt8]? {
        var bytes: UnsafePointer<UInt8>?
        var count = 0
        guard SSL_client_hello_get0_ext(ssl, type, &bytes, &count) == 1 else { return nil }
        return Array(UnsafeBufferPointer(start: bytes, count: count))
    }

    private static let readHello:
        @convention(c) (OpaquePointer?, UnsafeMutablePointer<Int32>?, UnsafeMutableRawPointer?) -> Int32 = {
            ssl, alert, _ in
            guard let hello = of(ssl) else { return SSL_CLIENT_HELLO_SUCCESS }
            hello.read(ssl)
            guard hello.behavior.requiresServerName, hello.serverName == nil else { return SSL_CLIENT_HELLO_SUCCESS }
            alert?.pointee = SSL_AD_UNRECOGNIZED_NAME
            return SSL_CLIENT_HELLO_ERROR
        }

    private static let stapleResponse: @convention(c) (OpaquePointer?, UnsafeMutableRawPointer?) -> Int32 = { ssl, _ in
        guard let bytes = of(ssl)?.behavior.stapledResponse,
            copenssl_SSL_set1_tlsext_status_ocsp_resp(ssl, bytes, bytes.count) == 1
        else { return SSL_TLSEXT_ERR_NOACK }
        return SSL_TLSEXT_ERR_OK
    }

    private static let http11: StaticString = "http/1.1"
    private static let unoffered: StaticString = "not-offered/1"

    private static let chooseProtocol:
        @convention(c) (
            OpaquePointer?, UnsafeMutablePointer<UnsafePointer<UInt8>?>?, UnsafeMutablePointer<UInt8>?,
            UnsafePointer<UInt8>?, UInt32, UnsafeMutableRawPointer?
        ) -> Int32 = { ssl, chosen, chosenCount, offered, offeredCount, _ in
            let name = of(ssl)?.behavior.choosesUnofferedProtocol == true ? unoffered : http11
            if name.utf8CodeUnitCount == http11.utf8CodeUnitCount {
                // Without a protocol in common the extension is left out, and the client goes on with HTTP/1.1.
                var list = Array(UnsafeBufferPointer(start: offered, count: Int(offeredCount)))[...]
                var isOffered = false
                while let count = list.popFirst() {
                    let entry = list.prefix(Int(count))
                    if entry.elementsEqual(UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)) {
                        isOffered = true
                    }
                    list = list.dropFirst(Int(count))
                }
                guard isOffered else { return SSL_TLSEXT_ERR_NOACK }
            }
            chosen?.pointee = name.utf8Start
            chosenCount?.pointee = UInt8(name.utf8CodeUnitCount)
            return SSL_TLSEXT_ERR_OK
        }
}
