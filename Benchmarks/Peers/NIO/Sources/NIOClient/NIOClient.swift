import ArgumentParser
import Glibc
import NIOCore
import NIOPosix
import NIOWebSocket
import Workload

struct StandardError: TextOutputStream {
    mutating func write(_ text: String) { fputs(text, stderr) }
}
nonisolated(unsafe) var standardError = StandardError()

/// SwiftNIO's WebSocket stack in the benchmark: written by hand on its event loop, without promises, flushes coalesced; with
/// `--in-task` from an ordinary task.
@main
struct NIOClient: ParsableCommand {
    @OptionGroup var arguments: WorkloadArguments
    @Flag var inTask = false

    func run() throws {
        let options = arguments.options
        if options.deflate || options.resume { try options.unsupported() }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: options.loops)
        if inTask {
            try TaskRun(options: options).begin(try Connector(options: options), on: group.any())
            while true { pause() }
        }
        let run = Run(options: options, connector: try Connector(options: options), group: group)
        let start: () -> Void
        switch options.workload {
        case .send: start = run.send
        case .receive: start = run.receive
        case .echo: start = run.echo
        case .connect: start = run.connects
        case .idle: start = run.idle
        case .answer: start = run.answer
        case .group: return try run.group()
        }
        group.any().execute(start)
        while true { pause() }
    }
}

/// What one run holds; touched on its event loop only.
final class Run {
    let options: WorkloadOptions
    let connector: Connector
    let loops: MultiThreadedEventLoopGroup
    let loop: any EventLoop
    var measurement = Measurement()
    let payload: ByteBuffer
    let messages: [ByteBuffer]
    var sent = 0
    var received = 0

    init(options: WorkloadOptions, connector: Connector, group: MultiThreadedEventLoopGroup) {
        self.options = options
        self.connector = connector
        loops = group
        loop = group.any()
        payload = ByteBuffer(bytes: Payloads.binary(size: options.size))
        messages = options.messages.map { try! Payloads.lines(of: $0).map { ByteBuffer(bytes: $0) } } ?? [payload]
    }

    var opcode: WebSocketOpcode { options.messages == nil ? .binary : .text }

    func open(_ opened: @escaping (Connection) -> Void) { connector.open(on: loop, opened) }

    /// Flushed before, as everything is by now.
    func finish(_ count: Int) -> Never {
        measurement.end()
        measurement.report(messages: count)
        exit(0)
    }

    func check(_ frame: WebSocketFrame) {
        do { try Payloads.check(frame.unmaskedData.readableBytesView, size: options.size) } catch { fail("\(error)") }
    }

    func send() {
        open { [self] connection in
            let fill: () -> Void = { [self] in
                while sent < options.count, connection.isWritable {
                    connection.write(.binary, payload)
                    sent += 1
                }
                connection.flush()
            }
            connection.onWritable = fill
            connection.onFrame = { [self] frame in
                measurement.end()
                let text = String(buffer: frame.unmaskedData)
                do { try Payloads.check(done: text, count: options.count, size: options.size) } catch {
                    fail("\(error)")
                }
                finish(options.count)
            }
            measurement.begin()
            fill()
        }
    }

    func receive() {
        open { [self] connection in
            connection.onFrame = { [self] frame in
                if options.messages == nil {
                    check(frame)
                } else {
                    let view = frame.unmaskedData.readableBytesView
                    guard view.count == options.size, view.first == UInt8(ascii: "{"), view.last == UInt8(ascii: "}")
                    else { fail("a message with a wrong payload") }
                }
                received += 1
                if received == options.count { finish(received) }
            }
            measurement.begin()
            connection.write(.text, ByteBuffer(string: "go"))
            connection.flush()
        }
    }

    func echo() {
        open { [self] connection in
            var begin = UInt64(0)
            let fill: () -> Void = { [self] in
                if options.window == 1 { begin = Measurement.now() }
                let before = sent
                while sent < options.count, sent - received < options.window, connection.isWritable {
                    connection.write(opcode, messages[sent % messages.count])
                    sent += 1
                }
                if sent > before { connection.flush() }
            }
            connection.onFrame = { [self] frame in
                if options.window == 1 { measurement.add(latency: Measurement.now() - begin) }
                if messages.count == 1 {
                    check(frame)
                } else if frame.unmaskedData != messages[received % messages.count] {
                    fail("a message came back changed")
                }
                received += 1
                if received == options.count { finish(received) }
            }
            connection.onReadComplete = fill
            connection.onWritable = fill
            measurement.begin()
            fill()
        }
    }
}
