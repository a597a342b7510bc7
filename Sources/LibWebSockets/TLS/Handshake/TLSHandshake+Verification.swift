internal import COpenSSL

extension TLSHandshake {
    /// One step of the verification of the server's chain: `X509_STORE_CTX_set_verify_cb(3)`.
    ///
    /// OpenSSL ends each verification with the server's own certificate (depth 0) `preverified`, also after a fault that
    /// was accepted; that is where the pins are checked, against the chain it built.
    func verify(preverified: Bool, store: OpaquePointer) -> Bool {
        let depth = unsafe X509_STORE_CTX_get_error_depth(store)
        guard preverified else { return unsafe accept(store, if: judgeFault(in: store, depth: depth)) }
        guard depth == 0, !configuration.pinnedKeys.isEmpty, !isPinFound else { return true }

        let chain = unsafe X509_STORE_CTX_get0_chain(store)
        var seen: [SPKIPin] = []
        for index in 0..<(unsafe copenssl_sk_X509_num(chain)) {
            guard let certificate = unsafe copenssl_sk_X509_value(chain, index),
                let pin = unsafe SPKIPin(sha256: X509Reading.publicKeyHash(of: certificate))
            else { continue }
            seen.append(pin)
        }
        isPinFound = seen.contains { configuration.pinnedKeys.contains($0) }
        if isPinFound { return true }
        unsafe X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION)
        unsafe recordFault(
            .pinMismatch, code: X509_V_ERR_APPLICATION_VERIFICATION, depth: 0, store: store, presentedPins: seen)
        return unsafe accept(store, if: false)
    }

    /// An inspection goes on whatever is wrong, to see what else is.
    private func accept(_ store: OpaquePointer, if isRight: Bool) -> Bool {
        guard !isRight, isInspection else { return isRight }
        unsafe X509_STORE_CTX_set_error(store, X509_V_OK)
        return true
    }

    private func judgeFault(in store: OpaquePointer, depth: Int32) -> Bool {
        let code = unsafe X509_STORE_CTX_get_error(store)
        let isUnneededList = unsafe isUnneededList(code, depth: depth, in: store)
        if isUnneededList || configuration.insecurelyAccepts(code)
            || configuration.revocationLists?.accepts(code) == true
        {
            // libwebsockets and SSL_get_verify_result(3) look at the error, not at what the callback returned.
            unsafe X509_STORE_CTX_set_error(store, X509_V_OK)
            return true
        }
        let isAboutName = code == X509_V_ERR_HOSTNAME_MISMATCH || code == X509_V_ERR_IP_ADDRESS_MISMATCH
        let reason = isAboutName ? .hostnameMismatch : TLSFailure.Reason(verificationError: code)
        unsafe recordFault(reason, code: code, depth: depth, store: store)
        return false
    }

    private func recordFault(
        _ reason: TLSFailure.Reason, code: Int32, depth: Int32, store: OpaquePointer, presentedPins: [SPKIPin] = []
    ) {
        let current = unsafe X509_STORE_CTX_get_current_cert(store) ?? X509_STORE_CTX_get0_cert(store)
        let presented = unsafe reason == .hostnameMismatch ? X509_STORE_CTX_get0_cert(store) : nil
        let failure = unsafe TLSFailure(
            reason: reason,
            detail: [.other, .revocationUnknown].contains(reason)
                ? String(cString: X509_verify_cert_error_string(Int(code))) : nil,
            expectedName: reason == .hostnameMismatch ? expectedName.text : nil,
            presentedNames: presented.map { unsafe X509Reading.names(of: $0, within: TLSFailure.namesSize) } ?? [],
            depth: Int(depth),
            subject: current.map { unsafe X509Reading.subject(of: $0) },
            issuer: current.map { unsafe X509Reading.issuer(of: $0) }, openSSLCode: Int(code))
        let sent = unsafe copenssl_sk_X509_num(X509_STORE_CTX_get0_untrusted(store))
        let namesake = unsafe OpenSSLObject(
            X509_STORE_CTX_get_obj_by_subject(store, X509_LU_X509, current.flatMap { unsafe X509_get_issuer_name($0) }),
            releasedBy: { unsafe X509_OBJECT_free($0) })
        record(
            failure,
            certificate: unsafe TLSFailureMessage.Certificate(
                validity: current.flatMap { unsafe X509Reading.validity(of: $0) }.map {
                    $0.notBefore...max($0.notBefore, $0.notAfter)
                },
                sentCertificates: Int(sent),
                issuerHasTrustedNamesake: namesake != nil, presentedPins: presentedPins))
    }
}

extension TLSClientConfiguration {
    /// Tells whether one of the insecure switches accepts this `X509_V_ERR_…`.
    fileprivate func insecurelyAccepts(_ code: Int32) -> Bool {
        switch code {
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT,
            X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
            X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, X509_V_ERR_CERT_UNTRUSTED:
            insecureAcceptsUntrustedRoots
        case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH: insecureAcceptsAnyHostname
        case X509_V_ERR_CERT_HAS_EXPIRED, X509_V_ERR_CERT_NOT_YET_VALID: insecureAcceptsExpiredCertificates
        default: false
        }
    }
}
