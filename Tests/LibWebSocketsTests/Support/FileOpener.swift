import Synchronization
import LibWebSockets
import LibC

/// Opens files all the time until it is stopped, as other threads of a program do: for the lowest number that is free.
final class FileOpener: Sendable {
    private let isStopped = Lock(false)

    func stop() {
        isStopped.withLock { $0 = true }
    }

    func openAndClose() async {
        while !isStopped.withLock({ $0 }) {
            let files = (0..<4).map { _ in open("/dev/null", O_RDONLY) }
            for file in files { close(file) }
            await Task.yield()
        }
    }

    /// Returns the number of a file that somebody else has closed, as soon as there is one.
    func openAndCloseUntilOneIsGone() async -> CInt? {
        while !isStopped.withLock({ $0 }) {
            let files = (0..<4).map { _ in open("/dev/null", O_RDONLY) }
            for file in files where close(file) != 0 { return file }
            await Task.yield()
        }
        return nil
    }

    /// Returns what it has opened, `maximum` files at most.
    func openAndKeep(maximum: Int) async -> [CInt] {
        var files: [CInt] = []
        while files.count < maximum, !isStopped.withLock({ $0 }) {
            files.append(open("/dev/null", O_RDONLY))
            await Task.yield()
        }
        return files
    }
}
