import WebSocketTesting

@testable import WebSocketService

/// The app of a schedule, as far as it acts from outside of the handlers.
struct ScheduleApp {
    private let schedule: Schedule
    private var service: SocketService { schedule.service }
    private var books: ScheduleBooks { schedule.books }

    init(_ schedule: Schedule) {
        self.schedule = schedule
    }

    func act(_ generator: inout SeededGenerator) {
        switch Int.random(in: 0..<20, using: &generator) {
        case 0...6: sendInSequence(Int.random(in: 1...8, using: &generator), &generator)
        case 7...9: request(&generator)
        case 10: iterate(&generator)
        case 11: registerForAWhile(&generator)
        case 12:
            let call = books.begin("pause")
            schedule.start { [service, books] in
                await service.pause()
                books.end(call)
            }
        case 13, 14: service.resume()
        case 15: service.reconnectNow()
        case 16:
            let call = books.begin("start(waitingForOpen:)")
            let task = Task.detached { [service] in try await service.start(waitingForOpen: true) }
            schedule.start { [books] in
                // It throws once the service has stopped, or gave up.
                _ = await task.result
                books.end(call)
            }
        case 17: _ = service.statistics
        case 18: _ = service.unregister("nobody")
        default:
            // An early stop, now and then: what follows finds a service that has ended.
            guard Int.random(in: 0..<6, using: &generator) == 0 else { return }
            let call = books.begin("an early stop")
            schedule.start { [service, books] in
                await books.stop { await service.stop() }
                books.end(call)
            }
        }
    }

    /// Sends numbered messages one after the other, some of which are taken back.
    func sendInSequence(_ count: Int, _ generator: inout SeededGenerator) {
        let sender = books.makeSender()
        let deliveries = (0..<count).map { _ in Self.delivery(&generator) }
        let patience = Int.random(in: 0..<10, using: &generator) == 0
        schedule.start { [books, service] in
            for (number, delivery) in deliveries.enumerated() {
                let name = "s\(sender) \(number)"
                let task = Task.detached {
                    await books.send(name, delivery, over: service)
                }
                if patience {
                    await Task.yield()
                    task.cancel()
                }
                await task.value
            }
        }
    }

    static func delivery(_ generator: inout SeededGenerator) -> Delivery {
        [.queued, .queued, .queued, .volatile, .expiring(after: .seconds(2))].randomElement(using: &generator)!
    }

    private func request(_ generator: inout SeededGenerator) {
        let (correlated, survives) = (Int.random(in: 0..<5, using: &generator) > 0, Bool.random(using: &generator))
        let timeout = Duration.milliseconds(Int.random(in: 100...4_000, using: &generator))
        schedule.start { [books, service] in
            await books.request(over: service, correlated: correlated, timeout: timeout, survives: survives)
        }
    }

    /// Takes some messages, or all, in a loop that sends.
    private func iterate(_ generator: inout SeededGenerator) {
        let (limit, sender) = (Int.random(in: 1...30, using: &generator), books.makeSender())
        let (sends, delivery) = (Int.random(in: 0..<4, using: &generator), Self.delivery(&generator))
        let messages = Bool.random(using: &generator) ? service.messages : service.messages(of: "loop")
        let call = books.begin("a loop over messages", endsWithService: true)
        schedule.start { [books, service] in
            var taken = 0
            for await _ in messages {
                switch sends {
                case 0: break
                case 1: await books.send("s\(sender) \(taken)", delivery, over: service)
                case 2:
                    async let sending: Void = books.send("s\(sender) \(taken)", delivery, over: service)
                    await sending
                default:
                    let senders = (books.makeSender(), books.makeSender())
                    await withTaskGroup(of: Void.self) { group in
                        group.addTask { await books.send("s\(senders.0) 0", delivery, over: service) }
                        group.addTask { await books.send("s\(senders.1) 0", .queued, over: service) }
                    }
                }
                taken += 1
                if taken == limit { break }
            }
            books.end(call)
        }
    }

    private func registerForAWhile(_ generator: inout SeededGenerator) {
        let duration = Duration.milliseconds(Int.random(in: 1...3_000, using: &generator))
        schedule.start { [clock = schedule.clock, service] in
            let registration = service.register("sometimes") { _ in }
            // Cancelled or not, the registration goes.
            try? await clock.sleep(for: duration)
            registration.cancel()
        }
    }
}
