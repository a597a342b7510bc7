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

/// SplitMix64 (Steele, Lea and Flood, 2014): the same numbers for the same seed.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
