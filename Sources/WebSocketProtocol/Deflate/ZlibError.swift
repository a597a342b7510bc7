internal import CZlib

enum ZlibError {
    /// Returns zlib's own words on the error, with its code.
    static func text(_ status: Int32, _ stream: z_stream) -> String {
        let message = stream.msg.map { String(cString: $0) } ?? zError(status).map { String(cString: $0) } ?? "error"
        return "\(message) (\(status))"
    }
}
