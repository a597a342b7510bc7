import Foundation

/// Asks a server on 127.0.0.1 for an ordinary page, over a plain blocking socket.
enum HTTPProbe {
    enum Answer: Equatable {
        static let refused = Answer.failed(errno: ECONNREFUSED)
        static let silence = Answer.failed(errno: EAGAIN)

        case failed(errno: Int32)
        /// The first line of the response.
        case status(String)
    }

    static func ask(port: UInt16, timeout: Duration = .seconds(30)) -> Answer {
        switch response(port: port, path: "/", timeout: timeout) {
        case .success(let text): .status(text.split(separator: "\r\n", maxSplits: 1).first.map(String.init) ?? "")
        case .failure(let error): .failed(errno: error.code.rawValue)
        }
    }

    /// The whole answer, head and body.
    static func page(port: UInt16, path: String) throws -> String {
        try response(port: port, path: path, timeout: .seconds(30)).get()
    }

    private static func response(port: UInt16, path: String, timeout: Duration) -> Result<String, POSIXError> {
        func failed(_ code: Int32) -> Result<String, POSIXError> {
            .failure(POSIXError(POSIXErrorCode(rawValue: code) ?? .EIO))
        }
        #if canImport(Glibc)
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #else
            let descriptor = socket(AF_INET, SOCK_STREAM, 0)
        #endif
        defer { close(descriptor) }
        let (seconds, attoseconds) = timeout.components
        var limit = timeval(tv_sec: Int(seconds), tv_usec: .init(attoseconds / 1_000_000_000_000))
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout.size(ofValue: limit)))

        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let connected = withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else { return failed(errno) }

        let request = "GET \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        guard write(descriptor, request, request.utf8.count) == request.utf8.count else { return failed(errno) }
        var response: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            guard count >= 0 else { return failed(errno) }
            if count == 0 { break }
            response += buffer[..<count]
        }
        return .success(String(decoding: response, as: UTF8.self))
    }
}
