/// Turns an international host name into the ASCII form that the DNS, TLS and HTTP use (IDNA2008: RFC 5891).
///
/// Upper case, full-width letters and the other full stops are mapped as RFC 5895 says, and characters composed (Unicode
/// normalization form C). Then each label must keep the rules of RFC 5892 and, where a name has right-to-left letters, of
/// RFC 5893. Names are refused that cannot be judged without tables which Swift's standard library lacks: a zero width
/// (non-)joiner that does not follow a virama, and sequences of combining characters that no composed character stands for.
enum InternationalName {
    private typealias Scalars = [Unicode.Scalar]

    /// - Returns: The name with every label in ASCII; labels that are ASCII already stay as they are, in lower case.
    static func ascii(_ name: String) throws(InvalidEndpoint) -> String {
        let labels = mapped(name).split(separator: ".", omittingEmptySubsequences: false).map { Scalars($0) }
        let isBidirectional = labels.contains { $0.contains(where: isRightToLeft) }
        var result: [String] = []
        for label in labels {
            guard label.contains(where: { !$0.isASCII }) else {
                if isBidirectional { try checkDirection(label) }
                result.append(text(label))
                continue
            }
            result.append(try ascii(label, isBidirectional: isBidirectional))
        }
        return result.joined(separator: ".")
    }

    private static func ascii(_ label: Scalars, isBidirectional: Bool) throws(InvalidEndpoint) -> String {
        // Each character takes a byte at least: this bounds all that follows.
        guard label.count <= longestLabel else {
            throw refusal(label, "is too long: a label has at most 63 bytes (RFC 1035)")
        }
        guard let label = NormalizationC.composed(label) else {
            throw refusal(label, "has combining characters that cannot be composed")
        }
        for scalar in label where !isPermitted(scalar) {
            throw refusal(label, "has \(codePoint(scalar)), which no host name has (RFC 5892)")
        }
        try checkContext(label)
        if isBidirectional { try checkDirection(label) }
        let result = "xn--" + Punycode.encode(label)
        guard result.utf8.count <= longestLabel else {
            throw refusal(label, "has \(result.utf8.count) bytes in its ASCII form, and a label at most 63 (RFC 1035)")
        }
        return result
    }

    private static let longestLabel = 63

    private static func refusal(_ label: Scalars, _ reason: String) -> InvalidEndpoint {
        InvalidEndpoint(
            "The URL's host cannot be converted to ASCII: the label \(HeaderSyntax.quoted(text(label))) \(reason). Write the "
                + "label as it was registered, in its ASCII form (such as xn--bcher-kva).")
    }

    private static func text(_ scalars: Scalars) -> String {
        String(String.UnicodeScalarView(scalars))
    }

    private static func codePoint(_ scalar: Unicode.Scalar) -> String {
        let digits = String(scalar.value, radix: 16, uppercase: true)
        return "U+" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }

    /// RFC 5895 section 2.
    private static func mapped(_ name: String) -> String.UnicodeScalarView {
        var result = String.UnicodeScalarView()
        for scalar in name.unicodeScalars {
            switch scalar.value {
            case 0x3002, 0xFF0E, 0xFF61: result.append(".")
            case 0xFF0D, 0xFF10...0xFF19, 0xFF21...0xFF3A, 0xFF41...0xFF5A:
                // The full-width forms stand in the order of ASCII.
                let ascii = UInt8(truncatingIfNeeded: scalar.value - 0xFEE0)
                result.append(contentsOf: Unicode.Scalar(ascii).properties.lowercaseMapping.unicodeScalars)
            default: result.append(contentsOf: scalar.properties.lowercaseMapping.unicodeScalars)
            }
        }
        return result
    }

    /// RFC 5892 section 3, with the exceptions of its section 2.6.
    private static func isPermitted(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x2D, 0x30...0x39, 0x61...0x7A: return true
        case 0x00...0x7F: return false
        case 0xDF, 0x3C2, 0x6FD, 0x6FE, 0xF0B, 0x3007: return true
        // Depend on what is beside them.
        case 0xB7, 0x200C, 0x200D, 0x30FB: return true
        case 0x640, 0x7FA, 0x302E, 0x302F, 0x3031...0x3035, 0x303B: return false
        // Old Hangul, marks for symbols, musical notation.
        case 0x1100...0x11FF, 0xA960...0xA97F, 0xD7B0...0xD7FF, 0x20D0...0x20FF, 0x1D100...0x1D24F: return false
        default: break
        }
        switch scalar.properties.generalCategory {
        case .lowercaseLetter, .otherLetter, .modifierLetter, .nonspacingMark, .spacingMark, .decimalNumber:
            return !scalar.properties.changesWhenNFKCCaseFolded && !scalar.properties.isDefaultIgnorableCodePoint
        default: return false
        }
    }

    /// RFC 5891 section 4.2.3, RFC 5892 appendix A.
    private static func checkContext(_ label: Scalars) throws(InvalidEndpoint) {
        if label.first == "-" || label.last == "-" || label.dropFirst(2).starts(with: ["-", "-"] as Scalars) {
            throw refusal(label, "begins or ends with a hyphen, or has two as third and fourth character (RFC 5891)")
        }
        if let first = label.first, first.isMark {
            throw refusal(label, "begins with a combining character (RFC 5891)")
        }
        for (index, scalar) in label.enumerated() {
            let previous = index > 0 ? label[index - 1] : nil
            switch scalar.value {
            case 0x200C, 0x200D:
                guard previous?.properties.canonicalCombiningClass == .virama else {
                    throw refusal(
                        label, "has a zero width joiner or non-joiner, \(codePoint(scalar)), that follows no virama")
                }
            case 0xB7:
                guard previous == "l", label.dropFirst(index + 1).first == "l" else {
                    throw refusal(label, "has a middle dot that is not between two l")
                }
            case 0x30FB:
                guard label.contains(where: isJapanese) else {
                    throw refusal(label, "has a katakana middle dot, but no Japanese character")
                }
            default: break
            }
        }
        if label.contains(where: { (0x660...0x669).contains($0.value) }),
            label.contains(where: { (0x6F0...0x6F9).contains($0.value) })
        {
            throw refusal(label, "mixes two kinds of Arabic digits")
        }
    }

    private static func isJapanese(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x3005...0x3007, 0x3041...0x3096, 0x30A1...0x30FA, 0x30FC...0x30FF, 0x3400...0x4DBF, 0x4E00...0x9FFF: true
        default: false
        }
    }

    // MARK: - Direction (RFC 5893 section 2)

    /// The blocks of the right-to-left scripts, those that are reserved for them included.
    private static func isRightToLeft(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x660...0x669, 0x6F0...0x6F9: false
        case 0x590...0x8FF, 0xFB1D...0xFDFF, 0xFE70...0xFEFF, 0x10800...0x10FFF, 0x1E800...0x1EFFF: !scalar.isMark
        default: false
        }
    }

    private static func checkDirection(_ label: Scalars) throws(InvalidEndpoint) {
        guard let first = label.first else { return }
        func isDigit(_ scalar: Unicode.Scalar) -> Bool { scalar.properties.generalCategory == .decimalNumber }
        let last = label.last { !$0.isMark } ?? first
        if isRightToLeft(first) {
            let hasArabicDigits = label.contains { (0x660...0x669).contains($0.value) }
            let hasOtherDigits = label.contains {
                isDigit($0) && !isRightToLeft($0) && !(0x660...0x669).contains($0.value)
            }
            let isPure = label.allSatisfy {
                isRightToLeft($0) || isDigit($0) || $0 == "-" || $0.properties.generalCategory == .nonspacingMark
                    || $0.value == 0x200C || $0.value == 0x200D
            }
            guard isPure, !(hasArabicDigits && hasOtherDigits), isRightToLeft(last) || isDigit(last) else {
                throw refusal(label, mixedDirections)
            }
        } else {
            guard first.isLetter, !label.contains(where: { isRightToLeft($0) || (0x660...0x669).contains($0.value) }),
                last != "-"
            else { throw refusal(label, mixedDirections) }
        }
    }

    private static let mixedDirections =
        "mixes writing directions, so that it does not read as it is written (RFC 5893)"
}

extension Unicode.Scalar {
    fileprivate var isMark: Bool {
        switch properties.generalCategory {
        case .nonspacingMark, .spacingMark, .enclosingMark: true
        default: false
        }
    }

    fileprivate var isLetter: Bool {
        switch properties.generalCategory {
        case .lowercaseLetter, .otherLetter, .modifierLetter: true
        default: false
        }
    }
}
