internal import COpenSSL

/// OpenSSL's cleanup at the end of the process.
package enum OpenSSLCleanup {
    /// Makes OpenSSL leave its memory to the system when the process exits.
    ///
    /// By default it frees everything in an `atexit` handler, under the feet of loops that still run when `main` returns
    /// or `exit` is called: they crash. Only the first call into OpenSSL decides (`OPENSSL_init_crypto(3)`), so this
    /// stands in front of ours; a program that uses OpenSSL itself before the first connection decides for itself.
    package static let isDisabled: Bool = OPENSSL_init_crypto(UInt64(OPENSSL_INIT_NO_ATEXIT), nil) == 1
}
