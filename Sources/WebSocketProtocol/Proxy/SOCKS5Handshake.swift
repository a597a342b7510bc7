/// The client's side of SOCKS5 (RFC 1928), with a user name and a password where the proxy wants them (RFC 1929): asks
/// for a tunnel to a server, whose name the proxy resolves.
///
/// First ``greeting`` is sent. Each read goes to ``receive(_:)``, which says what to do next.
package struct SOCKS5Handshake: Sendable {
    package enum Action: Hashable, Sendable {
        case needsMoreBytes
        case send([UInt8])
        /// The tunnel stands. Of the bytes given with this call, `consumed` belong to the proxy's answer; the rest are
        /// the first ones of the tunnel.
        case connected(consumed: Int)
    }

    private enum State: Sendable {
        case selectingMethod
        case authenticating
        case connecting
        case over
    }

    private static let version: UInt8 = 5
    /// Of the sub-negotiation of user name and password (RFC 1929 section 2).
    private static let authenticationVersion: UInt8 = 1

    private enum Method {
        static let none: UInt8 = 0
        static let userNameAndPassword: UInt8 = 2
        static let noneAcceptable: UInt8 = 0xFF
    }

    private enum AddressType {
        static let ipv4: UInt8 = 1
        static let name: UInt8 = 3
        static let ipv6: UInt8 = 4
    }

    /// The first bytes to send: the methods of authentication that this side can do.
    package let greeting: [UInt8]
    private let authentication: [UInt8]?
    private let request: [UInt8]
    private var state = State.selectingMethod
    /// The part of the answer under way that has arrived, at most 262 bytes.
    private var answer: [UInt8] = []

    /// Makes the handshake for a tunnel.
    ///
    /// - Parameters:
    ///   - target: Only its host and port count.
    ///   - credentials: The proxy's. It decides whether it wants them.
    package init(target: Endpoint, credentials: Endpoint.Credentials? = nil) throws(InvalidProxyRequest) {
        authentication = try credentials.map { credentials throws(InvalidProxyRequest) in
            var bytes = [Self.authenticationVersion]
            for (text, what) in [(credentials.user, "user name"), (credentials.password, "password")] {
                guard let length = UInt8(exactly: text.utf8.count), length > 0 else {
                    throw InvalidProxyRequest(
                        "The \(what) for the SOCKS5 proxy has \(text.utf8.count) bytes: it must have 1 to 255 "
                            + "(RFC 1929 section 2).")
                }
                bytes.append(length)
                bytes += text.utf8
            }
            return bytes
        }
        let methods = authentication == nil ? [Method.none] : [Method.none, Method.userNameAndPassword]
        greeting = [Self.version, UInt8(methods.count)] + methods
        let connect: UInt8 = 1
        let reserved: UInt8 = 0
        request =
            try [Self.version, connect, reserved] + Self.address(of: target)
            + [UInt8(truncatingIfNeeded: target.port >> 8), UInt8(truncatingIfNeeded: target.port)]
    }

    private static func address(of target: Endpoint) throws(InvalidProxyRequest) -> [UInt8] {
        if let zone = target.zone { throw .zone(zone, of: target) }
        if let address = IPAddress(target.host) {
            return [address.bytes.count == 4 ? AddressType.ipv4 : AddressType.ipv6] + address.bytes
        }
        let text = Array(target.host.utf8)
        guard let length = UInt8(exactly: text.count) else {
            throw InvalidProxyRequest(
                "The server's name has \(text.count) bytes: a SOCKS5 proxy takes 255 (RFC 1928 section 5).")
        }
        return [AddressType.name, length] + text
    }

    /// Reads on. Once this has returned `connected`, or has thrown, further bytes are ignored.
    /// - Throws: A failure as soon as the answer cannot become a tunnel: close the connection then.
    package mutating func receive(_ bytes: UnsafeRawBufferPointer) throws(SOCKS5Failure) -> Action {
        do throws(SOCKS5Failure) {
            return try read(bytes)
        } catch {
            state = .over
            throw error
        }
    }

    private mutating func read(_ bytes: UnsafeRawBufferPointer) throws(SOCKS5Failure) -> Action {
        for (index, byte) in bytes.enumerated() {
            answer.append(byte)
            switch state {
            case .selectingMethod:
                guard let reply = try methodReply() else { continue }
                return try send(reply, consumed: index + 1, of: bytes)
            case .authenticating:
                guard try isAuthenticated() else { continue }
                state = .connecting
                return try send(request, consumed: index + 1, of: bytes)
            case .connecting:
                guard try isConnected() else { continue }
                state = .over
                return .connected(consumed: index + 1)
            case .over:
                answer = []
                return .needsMoreBytes
            }
        }
        return .needsMoreBytes
    }

    /// Refuses any bytes that follow: they cannot be an answer to what was not sent yet.
    private mutating func send(
        _ reply: [UInt8], consumed: Int, of bytes: UnsafeRawBufferPointer
    ) throws(SOCKS5Failure) -> Action {
        guard consumed == bytes.count else { throw SOCKS5Failure(.answerBeforeQuestion) }
        answer = []
        return .send(reply)
    }

    private mutating func methodReply() throws(SOCKS5Failure) -> [UInt8]? {
        guard answer[0] == Self.version else { throw SOCKS5Failure(.notSOCKS5(firstByte: answer[0])) }
        guard answer.count == 2 else { return nil }
        switch (answer[1], authentication) {
        case (Method.none, _):
            state = .connecting
            return request
        case (Method.userNameAndPassword, let authentication?):
            state = .authenticating
            return authentication
        case (Method.noneAcceptable, _):
            throw SOCKS5Failure(.noAcceptableMethod(credentialsOffered: authentication != nil))
        case (let method, _):
            throw SOCKS5Failure(.unofferedMethod(method))
        }
    }

    private func isAuthenticated() throws(SOCKS5Failure) -> Bool {
        guard answer[0] == Self.authenticationVersion else {
            throw SOCKS5Failure(
                .malformedAnswer("version \(answer[0]) of its answer to the credentials is not 1 (RFC 1929 section 2)"))
        }
        guard answer.count == 2 else { return false }
        guard answer[1] == 0 else { throw SOCKS5Failure(.credentialsRefused(status: answer[1])) }
        return true
    }

    /// Tells whether the reply is complete. A refusal is one as soon as its code is known: some proxies send no more.
    private func isConnected() throws(SOCKS5Failure) -> Bool {
        guard answer[0] == Self.version else {
            throw SOCKS5Failure(.malformedAnswer("version \(answer[0]) of its reply is not 5 (RFC 1928 section 6)"))
        }
        guard answer.count >= 2 else { return false }
        guard answer[1] == 0 else { throw SOCKS5Failure(.refused(reply: answer[1])) }
        guard answer.count >= 5 else { return false }
        // The address it has bound: in front of it version, reply, a reserved byte and the type, behind it the port.
        let addressLength: Int
        switch answer[3] {
        case AddressType.ipv4: addressLength = 4
        case AddressType.ipv6: addressLength = 16
        case AddressType.name: addressLength = 1 + Int(answer[4])
        default:
            throw SOCKS5Failure(
                .malformedAnswer("its reply has an address of the unknown type \(answer[3]) (RFC 1928 section 6)"))
        }
        return answer.count == 4 + addressLength + 2
    }
}
