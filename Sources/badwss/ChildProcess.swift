import Synchronization
import Foundation
import LibWebSockets

/// A command that runs in a process group of its own, without input, until it ends or is killed with all that it has started.
///
/// Foundation's `Process` would hand on the signal mask of the calling thread, and threads of Swift's pool block SIGTERM
/// (Linux, Swift 6.3.1).
final class ChildProcess: Sendable {
    enum End: Hashable, Sendable {
        case exited(Int32)
        case signaled(Int32)
    }

    /// The number of bytes of its output that are kept, the last ones.
    private static let outputLimit = 4 << 10

    /// `nil` once it is reaped: the number may belong to another process then.
    private let identifier: Lock<pid_t?>
    private let output = Lock<[UInt8]>([])
    private let ends: AsyncStream<End>

    /// - Parameter arguments: The program, which is looked for in `PATH`, and its arguments.
    init(_ arguments: [String]) throws(ClientCommand.CannotRun) {
        var pipe: [Int32] = [-1, -1]
        guard Foundation.pipe(&pipe) == 0 else {
            throw ClientCommand.CannotRun(description: "there is no pipe: \(String(cString: strerror(errno)))")
        }
        let (reading, writing) = (pipe[0], pipe[1])
        for end in pipe { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        _ = fcntl(reading, F_SETFL, O_NONBLOCK)
        defer { close(writing) }
        let (identifier, code) = Self.spawn(arguments, output: writing)
        guard code == 0 else {
            close(reading)
            throw ClientCommand.CannotRun(
                description: "\(arguments[0]) cannot be started: \(String(cString: strerror(code)))")
        }
        self.identifier = Lock(identifier)
        let (ends, continuation) = AsyncStream.makeStream(of: End.self)
        self.ends = ends
        Thread.detachNewThread { [self] in
            continuation.yield(follow(identifier, reading))
            continuation.finish()
        }
    }

    /// Waits for the command's end. Cancelling the task kills it.
    func end() async -> End {
        await withTaskCancellationHandler {
            // A stream ends as soon as the task is cancelled.
            for await end in ends { return end }
            return .signaled(SIGKILL)
        } onCancel: {
            kill()
        }
    }

    /// Kills it and all that it has started in its group.
    func kill() {
        identifier.withLock { identifier in
            if let identifier { _ = Foundation.kill(-identifier, SIGKILL) }
        }
    }

    /// The last line that it has written to standard output or standard error, behind a colon; empty when it has written none.
    var lastWords: String {
        let text = output.withLock { String(decoding: $0, as: UTF8.self) }
        guard let line = text.split(whereSeparator: \.isNewline).last(where: { !$0.allSatisfy(\.isWhitespace) }) else {
            return ""
        }
        let visible = line.unicodeScalars.prefix(200).map {
            $0.properties.generalCategory == .control ? "?" : String($0)
        }
        return ": \(visible.joined())"
    }

    private static func spawn(_ arguments: [String], output: Int32) -> (pid_t, Int32) {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output, 1)
        posix_spawn_file_actions_adddup2(&actions, output, 2)
        // The command must not hold the servers' connections open, nor the pipes of other commands.
        #if canImport(Darwin)
            var attributes: posix_spawnattr_t?
            let closeOthers = POSIX_SPAWN_CLOEXEC_DEFAULT
        #else
            var attributes = posix_spawnattr_t()
            let closeOthers: Int32 = 0
            // posix_spawn_file_actions_addclosefrom_np(3) is hidden from Swift. Closing what is not open is no error.
            for descriptor in 3..<Int32(1_024) { posix_spawn_file_actions_addclose(&actions, descriptor) }
        #endif
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var noSignals = sigset_t()
        sigemptyset(&noSignals)
        posix_spawnattr_setsigmask(&attributes, &noSignals)
        // This process ignores them, and a command would inherit that.
        var defaults = sigset_t()
        sigemptyset(&defaults)
        for number in [SIGINT, SIGTERM, SIGHUP, SIGPIPE] { sigaddset(&defaults, number) }
        posix_spawnattr_setsigdefault(&attributes, &defaults)
        posix_spawnattr_setpgroup(&attributes, 0)
        let flags =
            Int32(POSIX_SPAWN_SETSIGMASK) | Int32(POSIX_SPAWN_SETSIGDEF) | Int32(POSIX_SPAWN_SETPGROUP) | closeOthers
        posix_spawnattr_setflags(&attributes, Int16(flags))

        var identifier = pid_t()
        let pointers = arguments.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        let code = posix_spawnp(&identifier, arguments[0], &actions, &attributes, pointers, environ)
        return (identifier, code)
    }

    /// The body of a thread: reads what the command says until it has ended, whoever holds its output open then.
    private func follow(_ child: pid_t, _ reading: Int32) -> End {
        defer { close(reading) }
        var isOpen = true
        while !hasEnded(child) {
            var events = pollfd(fd: isOpen ? reading : -1, events: Int16(POLLIN), revents: 0)
            // poll(2) does not tell that the command has ended; the end of its output comes right before.
            poll(&events, 1, isOpen ? 50 : 5)
            if isOpen { isOpen = read(reading) }
        }
        if isOpen { _ = read(reading) }
        return reap(child)
    }

    private func hasEnded(_ child: pid_t) -> Bool {
        var information = siginfo_t()
        // Leaves it a zombie, so that the number stays this child's until no signal can be sent to it any more.
        let code = waitid(P_PID, id_t(child), &information, WEXITED | WNOWAIT | WNOHANG)
        return code != 0 && errno != EINTR || code == 0 && information.si_signo != 0
    }

    /// Reads what there is; `false` at the end.
    private func read(_ descriptor: Int32) -> Bool {
        var buffer = [UInt8](repeating: 0, count: 4 << 10)
        while true {
            let count = Foundation.read(descriptor, &buffer, buffer.count)
            guard count > 0 else { return count < 0 && (errno == EAGAIN || errno == EINTR) }
            output.withLock { $0 = Array(($0 + buffer[..<count]).suffix(Self.outputLimit)) }
        }
    }

    private func reap(_ child: pid_t) -> End {
        identifier.withLock { identifier in
            // The processes that it has left behind in its group go with it.
            _ = Foundation.kill(-child, SIGKILL)
            identifier = nil
            var status: Int32 = 0
            while waitpid(child, &status, 0) < 0, errno == EINTR {}
            // WIFEXITED, WEXITSTATUS and WTERMSIG are macros that Swift does not see (wait(2)).
            let signal = status & 0x7F
            return signal == 0 ? .exited(status >> 8 & 0xFF) : .signaled(signal)
        }
    }
}
