import Dispatch
internal import LibC

/// Standard input, read when asked, on a thread of its own: a read may last for ever.
final class StandardInput: Sendable {
    private let queue = DispatchQueue(label: "lwscat.standard-input")

    /// Returns the bytes that have come, at least one; `nil` at the end, and when nothing can be read.
    func next() async -> [UInt8]? {
        await withCheckedContinuation { continuation in
            queue.async {
                var buffer = [UInt8](repeating: 0, count: 64 << 10)
                var count = read(STDIN_FILENO, &buffer, buffer.count)
                while count < 0, errno == EINTR { count = read(STDIN_FILENO, &buffer, buffer.count) }
                continuation.resume(returning: count > 0 ? Array(buffer.prefix(count)) : nil)
            }
        }
    }
}
