extension DeflateParameters {
    /// The compressor for messages that `role` sends; `nil` when messages can only go uncompressed, because the peer's
    /// window is too small for zlib.
    package func makeDeflater(role: Role, options: WebSocketCompression.DeflateOptions) -> Deflater? {
        let agreed = (role == .client ? clientMaxWindowBits : serverMaxWindowBits) ?? Self.windowBits.upperBound
        guard Self.windowBitsOfZlib.contains(agreed) else { return nil }
        let noTakeover = role == .client ? clientNoContextTakeover : serverNoContextTakeover
        return Deflater(
            windowBits: min(agreed, options.windowBits), level: options.level, memoryLevel: options.memoryLevel,
            keepsContext: options.contextTakeover && !noTakeover)
    }

    /// The decompressor for what `role` receives.
    package func makeInflater(role: Role) -> Inflater {
        let bits = role == .client ? serverMaxWindowBits : clientMaxWindowBits
        let noTakeover = role == .client ? serverNoContextTakeover : clientNoContextTakeover
        return Inflater(windowBits: bits ?? Self.windowBits.upperBound, keepsContext: !noTakeover)
    }
}
