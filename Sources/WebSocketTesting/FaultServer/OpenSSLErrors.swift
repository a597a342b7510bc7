import COpenSSL
import LibWebSockets

/// OpenSSL's error queue, which belongs to the calling thread.
enum OpenSSLErrors {
    /// Empties the queue and puts what was in it into words.
    static func drain() -> String {
        var messages: [String] = []
        while case let code = ERR_get_error(), code != 0 {
            var text = [CChar](repeating: 0, count: 256)
            ERR_error_string_n(code, &text, text.count)
            messages.append(text.withUnsafeBufferPointer { String(cString: $0.baseAddress!) })
        }
        return messages.isEmpty ? "no error from OpenSSL" : messages.joined(separator: "; ")
    }
}
