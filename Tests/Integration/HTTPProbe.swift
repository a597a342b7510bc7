import TestSupport
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
        let descriptor: CInt
        do {
            descriptor = try LoopbackSocket.connect(to: port, timeout: timeout)
        } catch {
            return failed(error.errno)
        }
        defer { close(descriptor) }

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
