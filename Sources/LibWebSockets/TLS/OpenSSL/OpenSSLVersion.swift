internal import COpenSSL

/// The versions of OpenSSL that this was compiled against and that the process loaded.
enum OpenSSLVersion {
    /// OpenSSL promises a stable ABI within a major version only (and 1.1.1 is another one than 1.1.0).
    static func check() throws(WebSocketError) {
        _ = OpenSSLCleanup.isDisabled
        try check(compiled: copenssl_compiled_version(), loaded: OpenSSL_version_num())
    }

    static func check(compiled: UInt, loaded: UInt) throws(WebSocketError) {
        guard abi(compiled) == abi(loaded) else {
            throw WebSocketError(
                .libraryUnsuitable, stage: .configuration,
                message: """
                    This program was compiled against OpenSSL \(text(compiled)) but runs with OpenSSL \(text(loaded)). \
                    Build it again on this machine, or install the libssl it was built with.
                    """)
        }
    }

    /// The major version; for 1.x, where minor and fix releases broke the ABI too, these as well.
    private static func abi(_ version: UInt) -> UInt {
        version >> 28 >= 3 ? version >> 28 : version >> 12
    }

    private static func text(_ version: UInt) -> String {
        version >> 28 >= 3
            ? "\(version >> 28).\(version >> 20 & 0xff).\(version >> 4 & 0xffff)"
            : "\(version >> 28).\(version >> 20 & 0xff).\(version >> 12 & 0xff)"
    }
}
