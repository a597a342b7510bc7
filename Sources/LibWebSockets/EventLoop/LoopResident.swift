/// Lives on a loop, which keeps it from ``LoopCore/keep(_:)`` until it takes its leave.
protocol LoopResident: AnyObject {
    /// The loop ends. Its sockets are still there, and are told next.
    func loopEnds()
}
