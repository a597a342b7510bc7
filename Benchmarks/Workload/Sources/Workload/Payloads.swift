#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The messages that are sent, and checked when they come back.
public enum Payloads {
    /// The payload of all binary messages: the server and every client check it.
    public static func binary(size: Int) -> [UInt8] {
        (0..<size).map(pattern)
    }

    @inlinable
    static func pattern(_ position: Int) -> UInt8 {
        UInt8(ascii: "a") + UInt8(position % 26)
    }

    /// Checks the size, the first and the last byte. Inlined, because it is called for each message: unspecialized it would be
    /// most of what is measured.
    @inlinable
    public static func check(_ bytes: some RandomAccessCollection<UInt8>, size: Int) throws {
        guard bytes.count == size, bytes.first == pattern(0), bytes.last == pattern(size - 1) else {
            throw WrongResult("a message with a wrong payload")
        }
    }

    /// Checks the server's answer to `send`.
    public static func check(done text: String?, count: Int, size: Int) throws {
        guard text == "done \(count) \(count * size)" else {
            throw WrongResult("the server counted otherwise: \(text ?? "no text")")
        }
    }

    /// The lines of a file.
    public static func lines(of path: String) throws -> [[UInt8]] {
        guard let file = fopen(path, "r") else { throw WrongResult("\(path) cannot be read") }
        defer { fclose(file) }
        var (lines, line): ([[UInt8]], [UInt8]) = ([], [])
        while case let byte = getc(file), byte != EOF {
            if byte == 10 {
                lines.append(line)
                line = []
            } else {
                line.append(UInt8(byte))
            }
        }
        return lines
    }
}
