/// Composes characters, as far as Unicode normalization form C (UAX #15) can be had from Swift's standard library: two
/// strings are equal there when they are canonically equivalent, but the normal form itself is not offered.
enum NormalizationC {
    /// - Returns: `nil` when it cannot be told how the text is composed.
    static func composed(_ scalars: [Unicode.Scalar]) -> [Unicode.Scalar]? {
        guard scalars.contains(where: mayCompose) else { return ordered(scalars) }
        var result: [Unicode.Scalar] = []
        for character in String(String.UnicodeScalarView(scalars)) {
            var cluster: [Unicode.Scalar] = []
            for scalar in ordered(Array(character.unicodeScalars)) {
                if let last = cluster.last, let composite = composite(last, scalar) {
                    cluster[cluster.count - 1] = composite
                } else {
                    cluster.append(scalar)
                }
            }
            // A Latin or Greek character with one more mark may have to be taken apart first, for which there is no table.
            if cluster.contains(where: isLatinOrGreek), cluster.contains(where: mayCompose) { return nil }
            result += cluster
        }
        return result
    }

    /// Marks in the canonical order: by their class, and those of one class as they were.
    private static func ordered(_ scalars: [Unicode.Scalar]) -> [Unicode.Scalar] {
        var result = scalars
        for end in result.indices.dropFirst() {
            var index = end
            let ordinal = result[end].combiningClass
            while index > 0, ordinal != 0, result[index - 1].combiningClass > ordinal {
                result.swapAt(index, index - 1)
                index -= 1
            }
        }
        return result
    }

    private static func composite(_ first: Unicode.Scalar, _ second: Unicode.Scalar) -> Unicode.Scalar? {
        guard mayCompose(second) else { return nil }
        if let syllable = syllable(first.value, second.value) { return Unicode.Scalar(syllable) }
        return composites[String(String.UnicodeScalarView([first, second]))]
    }

    /// Hangul, by arithmetic (Unicode standard, section 3.12).
    private static func syllable(_ first: UInt32, _ second: UInt32) -> UInt32? {
        switch (first, second) {
        case (0x1100...0x1112, 0x1161...0x1175): 0xAC00 + ((first - 0x1100) * 21 + second - 0x1161) * 28
        case (0xAC00...0xD7A3, 0x11A8...0x11C2) where (first - 0xAC00) % 28 == 0: first + second - 0x11A7
        default: nil
        }
    }

    private static func isLatinOrGreek(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0xC0...0x24F, 0x370...0x3FF, 0x1E00...0x1FFF: true
        default: false
        }
    }

    private static func isJamo(_ scalar: Unicode.Scalar) -> Bool {
        (0x1100...0x11FF).contains(scalar.value)
    }

    /// Characters that can be composed of others, by what they are equivalent to. Made when the first name needs it.
    private static let composites: [String: Unicode.Scalar] = {
        var result: [String: Unicode.Scalar] = [:]
        for range in [0xC0...0x1FFF, 0x3040...0x30FF, 0x11090...0x11940] as [ClosedRange<UInt32>] {
            for value in range {
                // Those that the normal form excludes change under it.
                guard let scalar = Unicode.Scalar(value), scalar.properties.isAlphabetic, !isJamo(scalar),
                    !scalar.properties.changesWhenNFKCCaseFolded
                else { continue }
                result[String(scalar)] = scalar
            }
        }
        return result
    }()

    /// The second halves of all canonical compositions (`NFC_Quick_Check=Maybe`, Unicode 14).
    private static func mayCompose(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x0300...0x0304, 0x0306...0x030C, 0x030F, 0x0311, 0x0313...0x0314, 0x031B, 0x0323...0x0328,
            0x032D...0x032E,
            0x0330...0x0331, 0x0338, 0x0342, 0x0345, 0x0653...0x0655, 0x093C, 0x09BE, 0x09D7, 0x0B3E, 0x0B56...0x0B57,
            0x0BBE, 0x0BD7, 0x0C56, 0x0CC2, 0x0CD5...0x0CD6, 0x0D3E, 0x0D57, 0x0DCA, 0x0DCF, 0x0DDF, 0x102E,
            0x1161...0x1175, 0x11A8...0x11C2, 0x1B35, 0x3099...0x309A, 0x110BA, 0x11127, 0x1133E, 0x11357, 0x114B0,
            0x114BA, 0x114BD, 0x115AF, 0x11930:
            true
        default: false
        }
    }
}

extension Unicode.Scalar {
    fileprivate var combiningClass: UInt8 { properties.canonicalCombiningClass.rawValue }
}
