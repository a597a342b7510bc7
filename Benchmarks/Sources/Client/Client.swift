import ArgumentParser
import Dispatch
import LibWebSockets
import Workload

/// Our client in the benchmark.
///
/// Its main is not asynchronous and waits by itself: valgrind 3.19 does not survive the sigsuspend(2) of `dispatchMain`, in which
/// an asynchronous one waits.
@main
struct Client: ParsableCommand {
    /// The program's use of the library.
    enum Style: String, ExpressibleByArgument {
        /// `for try await message in socket.messages`, `send`, in an ordinary task.
        case async
        /// `nextMessages()`, `trySend`, in an ordinary task.
        case batch
        /// `receive(onMessage:)`.
        case callback
        /// As `async`, in a task that runs on the loop.
        case loopAsync = "loop-async"
        /// As `batch`, in a task that runs on the loop.
        case loop
        /// `SocketService` with a handler for messages as they are.
        case raw
        /// `SocketService` with a handler for decoded messages.
        case typed
    }

    @OptionGroup var arguments: WorkloadArguments
    @Option var style = Style.async

    func run() throws {
        let run = Run(options: arguments.options, style: style)
        Task.detached {
            do {
                try await run.begin()
                Self.exit()
            } catch {
                Self.exit(withError: error)
            }
        }
        DispatchSemaphore(value: 0).wait()
    }

}

/// One run of a workload.
struct Run {
    let options: WorkloadOptions
    let style: Client.Style

    func begin() async throws {
        switch style {
        case .async, .batch, .callback: try await perform()
        case .loop, .loopAsync:
            try await Task(executorPreference: SocketLoop.shared) { try await perform() }.value
        case .raw, .typed: try await ServiceWorkload(options: options, decodes: style == .typed).run()
        }
    }

    private func perform() async throws {
        switch options.workload {
        case .send: try await send()
        case .receive: try await receive()
        case .echo: try await echo()
        case .connect: try await connects()
        case .idle: try await idle()
        case .answer: try await answer()
        case .group: try await group()
        }
    }

    var batches: Bool { style == .batch || style == .loop }
}

extension WorkloadOptions {
    var configuration: WebSocketConfiguration {
        WebSocketConfiguration(
            tls: TLSClientConfiguration(
                trustRoots: ca.map { .pemFile($0) } ?? .system,
                maximumSessionAge: resume ? .seconds(3600) : .zero),
            // The same parameters as the peers': it is not zlib that is compared.
            compression: deflate
                ? .deflate(WebSocketCompression.DeflateOptions(level: 6, memoryLevel: 8, windowBits: 15)) : .disabled)
    }

    func open(on loop: SocketLoop = .shared) async throws -> WebSocket {
        try await WebSocket.connect(to: url, configuration: configuration, on: loop)
    }

    func outgoing() throws -> [WebSocketMessage] {
        guard let messages else { return [.binary(Payloads.binary(size: size))] }
        return try Payloads.lines(of: messages).map { .text(String(decoding: $0, as: UTF8.self)) }
    }
}
