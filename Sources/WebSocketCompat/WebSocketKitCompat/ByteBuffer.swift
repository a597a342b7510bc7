public import Foundation

/// Bytes with a place to read from: what a program needs of SwiftNIO's type to read a message and to make one.
public struct ByteBuffer: Hashable, Sendable {
    private var storage: [UInt8]
    /// The position of the next read.
    public private(set) var readerIndex = 0

    /// An empty buffer.
    public init() {
        storage = []
    }

    /// A buffer of the UTF-8 of a text.
    public init(string: String) {
        storage = Array(string.utf8)
    }

    /// A buffer of bytes.
    public init(bytes: some Sequence<UInt8>) {
        storage = Array(bytes)
    }

    /// A buffer of a `Data`'s bytes.
    public init(data: Data) {
        storage = Array(data)
    }

    /// The end of the bytes.
    public var writerIndex: Int { storage.count }

    /// The number of bytes that are left to read.
    public var readableBytes: Int { storage.count - readerIndex }

    /// The bytes that are left to read.
    public var readableBytesView: ArraySlice<UInt8> { storage[readerIndex...] }

    /// Reads bytes; `nil` when there are not as many.
    public mutating func readBytes(length: Int) -> [UInt8]? {
        guard let bytes = getBytes(at: readerIndex, length: length) else { return nil }
        readerIndex += length
        return bytes
    }

    /// Reads a text, where what is not UTF-8 is replaced; `nil` when there are not as many bytes.
    public mutating func readString(length: Int) -> String? {
        readBytes(length: length).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Reads bytes as a `Data`; `nil` when there are not as many.
    public mutating func readData(length: Int) -> Data? {
        readBytes(length: length).map { Data($0) }
    }

    /// Reads an integer in network order; `nil` when there are not enough bytes.
    public mutating func readInteger<T: FixedWidthInteger>(as type: T.Type = T.self) -> T? {
        readBytes(length: T.bitWidth / 8).map { bytes in bytes.reduce(T(0)) { $0 << 8 | T(truncatingIfNeeded: $1) } }
    }

    /// The bytes at a place, without reading them; `nil` when they are not there.
    public func getBytes(at index: Int, length: Int) -> [UInt8]? {
        guard index >= 0, length >= 0, index <= storage.count, length <= storage.count - index else { return nil }
        return Array(storage[index..<index + length])
    }

    /// The text at a place, without reading it; `nil` when it is not there.
    public func getString(at index: Int, length: Int) -> String? {
        getBytes(at: index, length: length).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Appends a text.
    ///
    /// - Returns: The number of bytes that it took.
    @discardableResult
    public mutating func writeString(_ string: String) -> Int {
        writeBytes(string.utf8)
    }

    /// Appends bytes.
    ///
    /// - Returns: The number of bytes.
    @discardableResult
    public mutating func writeBytes(_ bytes: some Sequence<UInt8>) -> Int {
        let before = storage.count
        storage.append(contentsOf: bytes)
        return storage.count - before
    }
}

extension String {
    /// The text that a buffer holds, where what is not UTF-8 is replaced.
    public init(buffer: ByteBuffer) {
        self.init(decoding: buffer.readableBytesView, as: UTF8.self)
    }
}

extension Data {
    /// The bytes that a buffer holds.
    public init(buffer: ByteBuffer) {
        self.init(buffer.readableBytesView)
    }
}

extension Array where Element == UInt8 {
    /// The bytes that a buffer holds.
    public init(buffer: ByteBuffer) {
        self.init(buffer.readableBytesView)
    }
}
