internal import DequeModule

extension SocketService {
    /// What the lock of a service guards.
    struct Core: Sendable {
        /// The connection that is open.
        struct Link: Sendable {
            enum Phase: Sendable {
                /// The `onOpen` handlers run; only they send.
                case greeting
                /// The queue is being sent; whatever comes now goes to its end.
                case draining
                /// Messages go straight to the connection.
                case direct
            }

            let connection: any SocketConnection
            let generation: UInt64
            var phase: Phase
        }

        /// A `send` that waits until the queue has room.
        struct RoomWaiter: Sendable {
            let entry: SendQueue.Entry
            let outcome: Completion<SendOutcome>
        }

        var machine: StateMachine
        var queue: SendQueue
        var generator: any RandomNumberGenerator & Sendable
        var link: Link?
        var roomWaiters: Deque<RoomWaiter> = []
        var replies = PendingReplies()
        var lastNumber: UInt64 = 0
        var roundTripTime: RoundTripTime?
        var hasBeenOpen = false

        /// Makes the attempts, serves the connection and waits between them.
        var phaseTask: Task<Void, Never>?
        /// Sends what is queued over the current connection.
        var drainTask: Task<Void, Never>?
        /// How many of those have not ended, one after the other.
        var activeDrains = 0
        /// Calls the handlers.
        var dispatchTask: Task<Void, Never>?
        /// Drops what waited too long.
        var expiry: (instant: Duration, task: Task<Void, Never>)?
        /// Performs the close handshake of a pause or a stop.
        var closeTask: Task<Void, Never>?
        /// Collects, once everything has ended, what was never sent.
        var stopTask: Task<[WebSocketMessage], Never>?
        /// Releases the handlers once they have returned.
        var endTask: Task<Void, Never>?

        var openWaiters: [Completion<HandshakeResponse>] = []
        /// Complete when the service gives up or stops.
        var endWaiters: [Completion<Void>] = []
        /// Complete when the queue is empty.
        var flushWaiters: [Completion<Void>] = []
        /// How many calls are about to tell of messages that were dropped.
        var reportsUnderWay = 0
        /// Complete when none is.
        var reportWaiters: [Completion<Void>] = []

        init(machine: StateMachine, queue: SendQueue, generator: any RandomNumberGenerator & Sendable) {
            self.machine = machine
            self.queue = queue
            self.generator = generator
        }

        mutating func nextNumber() -> UInt64 {
            lastNumber += 1
            return lastNumber
        }
    }

    /// Set while a handler of the app's runs, so that what it calls knows.
    struct HandlerContext: Sendable {
        let service: ObjectIdentifier
        /// The generation of the connection whose `onOpen` handler this is.
        let openGeneration: UInt64?
    }

    @TaskLocal static var handlerContext: HandlerContext?

    var isInsideHandler: Bool {
        Self.handlerContext?.service == ObjectIdentifier(self)
    }
}
