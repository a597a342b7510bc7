import TestSupport
import Testing
import WebSocketTesting

@testable import WebSocketService

@Suite(.timeLimit(.minutes(10))) struct DispatcherTests {
    @Test("Readers of connections that were forgotten behind one hung handler do not wait")
    func readersOfForgottenConnections() async throws {
        let environment = ServiceEnvironment(
            options: SocketService.Options(inboxLimit: 1, clock: ManualClock(), logger: .silent), name: "test")
        let dispatcher = Dispatcher(environment: environment)
        let (entered, proceed) = (Completion<Void>(), Completion<Void>())
        _ = environment.handlers.add(
            Callback<WebSocketMessage> { _ in
                entered.succeed()
                try await proceed.value()
            }, to: \.message)
        var afterwards = Afterwards()
        dispatcher.begin(1, nil, &afterwards)
        dispatcher.append([.text("slow")], from: 1)
        try await entered.value()
        var rooms: [Completion<Void>?] = []
        for generation in 2...300 as ClosedRange<UInt64> {
            dispatcher.begin(generation, nil, &afterwards)
            dispatcher.append([.text("a"), .text("b")], from: generation)
            rooms.append(dispatcher.room(for: generation))
            dispatcher.end(generation, with: [], &afterwards)
            afterwards.perform()
            afterwards = Afterwards()
        }
        #expect(dispatcher.roomWaiterCount < Inbox.sectionLimit)
        #expect(rooms.count { $0?.isComplete == false } == dispatcher.roomWaiterCount)
        dispatcher.stop(&afterwards)
        afterwards.perform()
        proceed.succeed()
    }

    @Test("A handler is cancelled also when that was decided before its task was known")
    func cancelledAsItBegins() async throws {
        // The handler runs in the call that starts its task.
        let environment = ServiceEnvironment(
            options: SocketService.Options(clock: ManualClock(), logger: .silent, taskExecutor: InlineExecutor()),
            name: "test")
        let dispatcher = Dispatcher(environment: environment)
        let ended = Completion<Bool>()
        _ = environment.handlers.add(
            Callback<WebSocketMessage> { _ in
                var afterwards = Afterwards()
                dispatcher.cancelHandler(&afterwards)
                afterwards.perform()
                // Nobody gives it: only the cancellation ends this.
                try? await Completion<Void>().value()
                ended.succeed(Task.isCancelled)
            }, to: \.message)
        var afterwards = Afterwards()
        dispatcher.begin(1, nil, &afterwards)
        dispatcher.append([.text("first")], from: 1)
        afterwards.perform()
        #expect(try await ended.value())
    }
}
