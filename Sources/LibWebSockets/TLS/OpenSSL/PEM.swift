internal import COpenSSL

/// Reads certificates and keys in PEM (RFC 7468) into OpenSSL's own types.
enum PEM {
    /// Every certificate of a PEM text, in its order, as a `STACK_OF(X509)` with at least one in it.
    ///
    /// - Parameters:
    ///   - origin: The origin of the text, for the error.
    ///   - purpose: The purpose of the certificates, for the error: "CA certificates".
    static func certificates(
        _ text: [UInt8], from origin: FileOrBytes, for purpose: String
    ) throws(WebSocketError) -> OpenSSLObject {
        ERR_clear_error()
        guard let bio = OpenSSLObject.memoryBIO(reading: text),
            let stack = unsafe OpenSSLObject(copenssl_sk_X509_new(), releasedBy: { unsafe copenssl_sk_X509_free($0) })
        else { throw .invalidTLSConfiguration("Out of memory while reading the \(purpose).") }

        while let certificate = unsafe PEM_read_bio_X509_AUX(bio.pointer, nil, refusePassphrase, nil) {
            unsafe copenssl_sk_X509_push(stack.pointer, certificate)
        }
        let count = unsafe copenssl_sk_X509_num(stack.pointer)
        let error = OpenSSLError.take()
        // The end of the text looks to OpenSSL like a missing start line; anything else is a broken certificate.
        guard let error, error.isPEM, error.reason == PEM_R_NO_START_LINE else {
            throw .invalidTLSConfiguration(
                "Certificate \(count + 1) of the \(purpose) (\(origin)) is damaged: \(error?.text ?? "no reason given")."
            )
        }
        guard count > 0 else {
            let hint =
                text.first == 0x30
                ? " It looks like DER; convert it with: openssl x509 -inform der -in FILE -out FILE.pem" : ""
            throw .invalidTLSConfiguration(
                "There is no PEM certificate (-----BEGIN CERTIFICATE-----) in the \(purpose) (\(origin)).\(hint)")
        }
        return stack
    }

    /// The private key of a PEM text, decrypted where it is encrypted.
    static func privateKey(
        _ text: [UInt8], from origin: FileOrBytes, passphrase: String?
    ) throws(WebSocketError) -> OpenSSLObject {
        ERR_clear_error()
        guard let bio = OpenSSLObject.memoryBIO(reading: text) else {
            throw .invalidTLSConfiguration("Out of memory while reading the private key.")
        }
        let prompt = PassphrasePrompt(passphrase: passphrase)
        let key = unsafe PEM_read_bio_PrivateKey(
            bio.pointer, nil, answerPassphrasePrompt, Unmanaged.passUnretained(prompt).toOpaque())
        let error = OpenSSLError.take()
        if let key = unsafe OpenSSLObject(key, releasedBy: { unsafe EVP_PKEY_free($0) }) { return key }

        if prompt.wasAsked {
            throw .invalidTLSConfiguration(
                passphrase == nil
                    ? "The private key (\(origin)) is encrypted: give its passphrase."
                    : "The passphrase does not open the private key (\(origin)).")
        }
        throw .invalidTLSConfiguration(
            "The private key (\(origin)) is not a PEM private key (-----BEGIN PRIVATE KEY-----)"
                + (error.map { ": \($0.text)." } ?? "."))
    }
}

/// The answer to OpenSSL's question for a passphrase.
private final class PassphrasePrompt {
    let passphrase: String?
    var wasAsked = false

    init(passphrase: String?) { self.passphrase = passphrase }
}

/// OpenSSL calls it during `PEM_read_bio_PrivateKey`, on the same thread, with the `PassphrasePrompt` of that call.
/// Without a callback OpenSSL would ask on the terminal.
private func answerPassphrasePrompt(
    _ buffer: UnsafeMutablePointer<CChar>?, _ size: Int32, _ isWriting: Int32, _ context: UnsafeMutableRawPointer?
) -> Int32 {
    guard let buffer = unsafe buffer, let context = unsafe context else { return -1 }
    let prompt = unsafe Unmanaged<PassphrasePrompt>.fromOpaque(context).takeUnretainedValue()
    prompt.wasAsked = true
    guard let passphrase = prompt.passphrase, passphrase.utf8.count <= size else { return -1 }
    for (index, byte) in passphrase.utf8.enumerated() { unsafe buffer[index] = CChar(bitPattern: byte) }
    return Int32(passphrase.utf8.count)
}

/// Certificates are not encrypted; see `answerPassphrasePrompt`.
private func refusePassphrase(
    _: UnsafeMutablePointer<CChar>?, _: Int32, _: Int32, _: UnsafeMutableRawPointer?
) -> Int32 { -1 }
