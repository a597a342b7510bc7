/// Draws the same number for ever, so that a test can place a random value in its range.
struct ConstantGenerator: RandomNumberGenerator {
    let value: UInt64

    /// Everything drawn is the lower end of its range.
    static let lowest = ConstantGenerator(value: 0)
    static let middle = ConstantGenerator(value: 1 << 63)
    /// Everything drawn is the upper end of its range.
    static let highest = ConstantGenerator(value: .max)

    func next() -> UInt64 { value }
}
