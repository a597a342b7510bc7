import Synchronization
import Foundation
import LibWebSockets

/// A child process whose standard output is read, and whose standard input ends when this process does.
///
/// Foundation's `Process` would hand on the signal mask of the calling thread, and threads of Swift's pool block SIGTERM
/// (Linux, Swift 6.3.1); swift-subprocess would be fetched by every user of this package.
final class ExternalProcess: Sendable {
    /// `nil` once the process is reaped: its number may belong to another one then.
    private let identifier: Lock<pid_t?>
    /// Held open: its end tells the child that nobody waits for it any more.
    private let standardInput: FileHandle
    private let lines: AsyncStream<Data>
    private let exit: Task<Int32, Never>

    /// - Parameter standardError: A file to append to.
    init(executable: URL, arguments: [String], standardError: URL) throws {
        let (input, output) = (try Self.makePipe(), try Self.makePipe())
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, input.reading.fileDescriptor, 0)
        posix_spawn_file_actions_adddup2(&actions, output.writing.fileDescriptor, 1)
        posix_spawn_file_actions_addopen(&actions, 2, standardError.path, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        // The child must not hold sockets of the client under test open, nor the pipes of other children.
        #if canImport(Darwin)
            var attributes: posix_spawnattr_t?
            let closeOthers = POSIX_SPAWN_CLOEXEC_DEFAULT
        #else
            var attributes = posix_spawnattr_t()
            let closeOthers: Int32 = 0
            // posix_spawn_file_actions_addclosefrom_np(3) is hidden from Swift. Closing what is not open is no error.
            for descriptor in 3..<Int32(4096) { posix_spawn_file_actions_addclose(&actions, descriptor) }
        #endif
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var noSignals = sigset_t()
        sigemptyset(&noSignals)
        posix_spawnattr_setsigmask(&attributes, &noSignals)
        // In a group of its own (number 0), it is told to hang up if this process ends while it is stopped (_exit(2)).
        posix_spawnattr_setpgroup(&attributes, 0)
        let flags = Int32(POSIX_SPAWN_SETSIGMASK) | Int32(POSIX_SPAWN_SETPGROUP) | closeOthers
        posix_spawnattr_setflags(&attributes, Int16(flags))

        var identifier = pid_t()
        let argumentPointers = ([executable.path] + arguments).map { strdup($0) } + [nil]
        defer { for pointer in argumentPointers { free(pointer) } }
        let code = posix_spawn(&identifier, executable.path, &actions, &attributes, argumentPointers, environ)
        guard code == 0 else {
            throw ExternalServer.Failure(
                description: "\(executable.path) cannot be started: \(String(cString: strerror(code)))")
        }
        self.identifier = Lock(identifier)
        standardInput = input.writing
        try input.reading.close()
        try output.writing.close()

        let (lines, lineContinuation) = AsyncStream<Data>.makeStream()
        let (exits, exitContinuation) = AsyncStream<Int32>.makeStream()
        self.lines = lines
        exit = Task {
            var status: Int32 = -1
            for await exit in exits { status = exit }
            return status
        }
        let standardOutput = output.reading
        Thread.detachNewThread { [self, identifier] in
            Self.readLines(of: standardOutput) { lineContinuation.yield($0) }
            lineContinuation.finish()
            exitContinuation.yield(reap(identifier))
            exitContinuation.finish()
        }
    }

    /// The process's exit status, or 128 and the signal that ended it as a shell has it, once it has been reaped.
    var exitStatus: Int32 {
        get async { await exit.value }
    }

    /// The next line of standard output; `nil` when the process ends without one or takes too long and is killed.
    func nextLine(within timeout: Duration) async -> Data? {
        let watchdog = Task {
            try await Task.sleep(for: timeout)
            send(SIGKILL)
        }
        defer { watchdog.cancel() }
        for await line in lines { return line }
        return nil
    }

    /// Writes to the process's standard input.
    func write(_ text: String) throws { try standardInput.write(contentsOf: Data(text.utf8)) }

    /// Ends the process's standard input.
    func endInput() throws { try standardInput.close() }

    func send(_ signal: Int32) {
        identifier.withLock { identifier in
            if let identifier { _ = kill(identifier, signal) }
        }
    }

    /// A pipe that no child inherits, whoever starts it: one that held the child's output open would hide its end.
    private static func makePipe() throws -> (reading: FileHandle, writing: FileHandle) {
        var descriptors: [Int32] = [0, 0]
        // pipe2(2), which would leave no gap between the two calls, is hidden from Swift.
        let code = pipe(&descriptors)
        guard code == 0 else {
            throw ExternalServer.Failure(description: "there is no pipe: \(String(cString: strerror(errno)))")
        }
        for descriptor in descriptors { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        return (
            FileHandle(fileDescriptor: descriptors[0], closeOnDealloc: true),
            FileHandle(fileDescriptor: descriptors[1], closeOnDealloc: true)
        )
    }

    private static func readLines(of handle: FileHandle, _ body: (Data) -> Void) {
        var pending = Data()
        while case let data = handle.availableData, !data.isEmpty {
            pending += data
            while let end = pending.firstIndex(of: UInt8(ascii: "\n")) {
                body(Data(pending[..<end]))
                pending = Data(pending[pending.index(after: end)...])
            }
        }
    }

    private func reap(_ child: pid_t) -> Int32 {
        // First only waits, so that the number stays this child's until no signal can be sent to it any more.
        var information = siginfo_t()
        while waitid(P_PID, id_t(child), &information, WEXITED | WNOWAIT) != 0, errno == EINTR {}
        return identifier.withLock { identifier in
            identifier = nil
            var status: Int32 = 0
            while waitpid(child, &status, 0) < 0, errno == EINTR {}
            // WIFEXITED, WEXITSTATUS and WTERMSIG are macros that Swift does not see (wait(2)).
            let signal = status & 0x7F
            return signal == 0 ? status >> 8 & 0xFF : 128 + signal
        }
    }
}
