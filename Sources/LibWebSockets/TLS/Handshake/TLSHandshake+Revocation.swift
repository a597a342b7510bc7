internal import COpenSSL

extension TLSHandshake {
    /// Tells whether the list that is missing is the trusted root's about itself, which is trusted as it is: OpenSSL looks
    /// up every certificate of a whole chain.
    func isUnneededList(_ code: Int32, depth: Int32, in store: OpaquePointer) -> Bool {
        let length = unsafe copenssl_sk_X509_num(X509_STORE_CTX_get0_chain(store))
        return code == X509_V_ERR_UNABLE_TO_GET_CRL && depth == length - 1
    }

    /// Judges the stapled response, or its absence, once the chain is verified: `SSL_CTX_set_tlsext_status_cb(3)`.
    func checkStapledResponse(on ssl: OpaquePointer) -> Bool {
        // A resumed handshake shows neither a certificate nor a response.
        guard unsafe SSL_session_reused(ssl) == 0,
            let leaf = unsafe OpenSSLObject(
                copenssl_SSL_get1_peer_certificate(ssl), releasedBy: { unsafe X509_free($0) })
        else { return true }
        let certificateDemandsIt = unsafe X509Reading.demandsStapledResponse(leaf.pointer)
        let isDemanded = configuration.ocspStapling == .required || certificateDemandsIt
        let verdict = unsafe verdict(on: leaf.pointer, of: ssl)
        let (code, detail): (Int32, String?)
        switch verdict {
        case .good(let end):
            stapleExpiry = end
            return true
        case .revoked: (code, detail) = (X509_V_ERR_CERT_REVOKED, nil)
        case .unusable(let reason): (code, detail) = (X509_V_ERR_OCSP_VERIFY_FAILED, reason)
        case nil: (code, detail) = (X509_V_ERR_OCSP_VERIFY_NEEDED, "the server sent no OCSP response with it")
        }
        guard isDemanded || verdict == .revoked else { return true }
        record(
            TLSFailure(
                reason: TLSFailure.Reason(verificationError: code), detail: detail, depth: 0,
                subject: unsafe X509Reading.subject(of: leaf.pointer),
                issuer: unsafe X509Reading.issuer(of: leaf.pointer), openSSLCode: Int(code)))
        // An inspection goes on whatever is wrong, to see what else is.
        return isInspection
    }

    /// `nil` when the server sent no response.
    private func verdict(on leaf: OpaquePointer, of ssl: OpaquePointer) -> StapledResponse.Verdict? {
        var start: UnsafePointer<UInt8>?
        let count = unsafe copenssl_SSL_get_tlsext_status_ocsp_resp(ssl, &start)
        guard count > 0, let start = unsafe start else { return nil }
        let response = unsafe StapledResponse(bytes: Array(UnsafeBufferPointer(start: start, count: count)))
        let chain = unsafe SSL_get0_verified_chain(ssl)
        guard unsafe copenssl_sk_X509_num(chain) > 1, let issuer = unsafe copenssl_sk_X509_value(chain, 1) else {
            return .unusable("the certificate's issuer is not known")
        }
        return unsafe response.verdict(on: leaf, issuer: issuer)
    }
}

extension TLSFailure {
    /// The failure is about a response that a server staples, rather than about a list.
    var isAboutStapledResponse: Bool {
        [X509_V_ERR_OCSP_VERIFY_NEEDED, X509_V_ERR_OCSP_VERIFY_FAILED].contains(Int32(clamping: openSSLCode))
    }
}
