package import LibWebSockets
package import Synchronization

extension Lock where Value: Sendable {
    /// Runs a closure with the lock held, then what it left to be done.
    package borrowing func change<Result: Sendable, Failure: Error>(
        _ body: (inout Value, inout Afterwards) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        var afterwards = Afterwards()
        defer { afterwards.perform() }
        return try withLock { (value) throws(Failure) in try body(&value, &afterwards) }
    }
}
