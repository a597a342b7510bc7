/// The reason why an operation on a connection was not completed.
enum FaultServerStreamError: Error {
    case peerClosed
    case peerReset
    case stopped
    case tls(String)
}
