import LibC
import Testing

@testable import LibWebSockets

@Suite struct SocketAddressTests {
    @Test("Of a socket whose connection is gone, the system does not tell the peer: which is not another peer")
    func peerUnknown() throws {
        let descriptor = socket(AF_INET, streamSocket, 0)
        defer { close(descriptor) }
        #expect(SocketAddress(host: "127.0.0.1", port: 80).isPeer(of: descriptor) == nil)
    }

    @Test(
        "An address reads as in a URL, IPv6 in brackets",
        arguments: [
            (SocketAddress(host: "192.0.2.7", port: 80), false, "192.0.2.7:80"),
            (SocketAddress(host: "::1", port: 65_535), true, "[::1]:65535"),
            (SocketAddress(host: "fe80::1%lo", port: 443), true, "[fe80::1%lo]:443"),
        ])
    func description(address: SocketAddress, isIPv6: Bool, text: String) {
        #expect(address.isIPv6 == isIPv6)
        #expect("\(address)" == text)
    }

    @Test("A descriptor that is no socket has no address")
    func noSocket() {
        #expect(SocketAddress(localEndOf: -1) == nil)
    }
}
