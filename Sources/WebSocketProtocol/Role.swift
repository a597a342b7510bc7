/// The end of the connection that this side is: client or server. RFC 6455 treats them differently in two ways: only the
/// client masks its frames (section 5.1), and the server ends the TCP connection first (section 7.1.1).
package enum Role: Hashable, Sendable, CaseIterable {
    case client
    case server
}
