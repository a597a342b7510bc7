/// A source of unpredictable bytes. The binding passes OpenSSL's `RAND_bytes(3)`, tests a seeded generator.
package struct RandomByteSource: Sendable {
    package typealias Fill = @Sendable (UnsafeMutableRawBufferPointer) throws(RandomSourceFailure) -> Void

    private let fill: Fill

    /// Makes a source from a function.
    ///
    /// - Parameter fill: Writes every byte of the buffer, or throws.
    package init(fill: @escaping Fill) {
        self.fill = fill
    }

    package func fill(_ bytes: UnsafeMutableRawBufferPointer) throws(RandomSourceFailure) {
        try fill(bytes)
    }
}
