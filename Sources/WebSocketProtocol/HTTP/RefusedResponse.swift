/// A response that does not give what was asked for.
package struct RefusedResponse: Hashable, Sendable {
    package let head: ResponseHead
    /// Its beginning, as far as it was kept and has arrived.
    package let body: [UInt8]
}
