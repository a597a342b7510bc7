/// Has output for the loop to carry out of it.
protocol LoopOutput: AnyObject, Sendable {
    /// Something was added to the output, or the state has changed. On the loop's thread.
    func serviceOutput()
}
