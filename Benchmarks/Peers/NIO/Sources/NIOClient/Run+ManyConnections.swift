import Dispatch
import NIOCore
import NIOPosix
import NIOWebSocket
import Workload

extension Run {
    func connects() {
        var (begun, closed) = (0, 0)
        func next() {
            guard begun < options.count else { return }
            begun += 1
            open { [self] connection in
                connection.onClosed = { [self] in
                    closed += 1
                    if closed == options.count { finish(closed) }
                    next()
                }
                connection.close()
            }
        }
        measurement.begin()
        for _ in 0..<options.connections { next() }
    }

    /// Opens connections, 64 at once, and exchanges a message over each.
    private func openAll(_ count: Int, _ done: @escaping ([Connection]) -> Void) {
        var (begun, connections) = (0, [Connection]())
        guard count > 0 else { return done([]) }
        func next() {
            guard begun < count else { return }
            begun += 1
            open { [self] connection in
                exchange(connection) {
                    connections.append(connection)
                    if connections.count == count { done(connections) } else { next() }
                }
            }
        }
        for _ in 0..<min(64, count) { next() }
    }

    private func exchange(_ connection: Connection, _ done: @escaping () -> Void) {
        connection.onFrame = { [self] frame in
            check(frame)
            done()
        }
        connection.write(.binary, payload)
        connection.flush()
    }

    func idle() {
        // The one-time needs of the first connections are not counted.
        openAll(9) { [self] first in
            first.dropFirst().forEach { $0.close() }
            let before = try! Measurement.residentKiB()
            openAll(options.connections) { [self] idle in
                if !idle.isEmpty {
                    measurement.kibPerConnection = (try! Measurement.residentKiB() - before) / Double(idle.count)
                }
                measurement.begin()
                func round() {
                    let begin = Measurement.now()
                    exchange(first[0]) { [self] in
                        measurement.add(latency: Measurement.now() - begin)
                        received += 1
                        if received == options.count { finish(received) }
                        round()
                    }
                }
                round()
            }
        }
    }

    func answer() {
        var opened = 0
        func next() {
            open { [self] connection in
                connection.onFrame = { [self] frame in
                    check(frame)
                    connection.write(.binary, frame.unmaskedData)
                    received += 1
                }
                connection.onReadComplete = { connection.flush() }
                opened += 1
                if opened < options.connections { return next() }
                // Until all of them run evenly.
                loop.scheduleTask(in: .milliseconds(500)) { [self] in
                    let before = received
                    measurement.begin()
                    loop.scheduleTask(in: .milliseconds(Int64(options.seconds * 1000))) { [self] in
                        finish(received - before)
                    }
                }
            }
        }
        next()
    }

    /// Several connections on several loops: from the first one's start to the last one's end.
    func group() throws {
        let loops = Array(loops.makeIterator())
        let ended = DispatchGroup()
        let connections = try (0..<options.connections).map { index in
            let loop = loops[index % loops.count]
            let opened = loop.makePromise(of: Connection.self)
            ended.enter()
            connector.open(on: loop) { [self] connection in
                var received = 0
                connection.onFrame = { [self] frame in
                    check(frame)
                    received += 1
                    if received == options.count { ended.leave() }
                }
                opened.succeed(connection)
            }
            return (loop, try opened.futureResult.wait())
        }
        measurement.begin()
        for (loop, connection) in connections {
            loop.execute {
                connection.write(.text, ByteBuffer(string: "go"))
                connection.flush()
            }
        }
        ended.wait()
        finish(options.count * options.connections)
    }
}
