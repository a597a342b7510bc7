internal import COpenSSL

/// An OCSP response in DER (RFC 6960), as it came from the server, which may be an attacker.
struct StapledResponse {
    enum Verdict: Equatable {
        /// Good, until then (seconds since 1970).
        case good(until: Int64)
        case revoked
        /// Nothing can be told from it, because of this.
        case unusable(String)
    }

    /// The time by which the responder's clock may be ahead of this one's, in seconds.
    private static let clockTolerance = 300
    /// The time for which a response is good that does not say so, in seconds: newer ones may exist at any time then (RFC
    /// 6960 section 4.2.2.1).
    private static let ageWithoutNextUpdate = 86_400

    let bytes: [UInt8]

    /// Returns the response's verdict on `certificate`, which `issuer` has issued.
    func verdict(on certificate: OpaquePointer, issuer: OpaquePointer) -> Verdict {
        ERR_clear_error()
        defer { ERR_clear_error() }
        guard
            let response = unsafe OpenSSLObject(
                Self.read(bytes), releasedBy: { unsafe OCSP_RESPONSE_free($0) })
        else { return .unusable("the stapled OCSP response cannot be read") }
        let status = unsafe OCSP_response_status(response.pointer)
        guard status == OCSP_RESPONSE_STATUS_SUCCESSFUL else {
            let words = unsafe String(cString: OCSP_response_status_str(Int(status)))
            return .unusable("the OCSP responder answered \"\(words)\"")
        }
        guard
            let basic = unsafe OpenSSLObject(
                OCSP_response_get1_basic(response.pointer), releasedBy: { unsafe OCSP_BASICRESP_free($0) })
        else { return .unusable("the stapled OCSP response is of an unknown kind") }
        if let problem = unsafe Self.signatureProblem(of: basic.pointer, issuer: issuer) { return .unusable(problem) }
        return unsafe Self.verdict(of: basic.pointer, on: certificate, issuer: issuer)
    }

    private static func read(_ bytes: [UInt8]) -> OpaquePointer? {
        unsafe bytes.withUnsafeBufferPointer { buffer in
            var cursor = buffer.baseAddress
            return unsafe d2i_OCSP_RESPONSE(nil, &cursor, buffer.count)
        }
    }

    /// The signer has to be the issuer, or somebody whom the issuer has certified for just that (RFC 6960 section 4.2.2.2).
    private static func signatureProblem(of basic: OpaquePointer, issuer: OpaquePointer) -> String? {
        guard let store = unsafe OpenSSLObject(X509_STORE_new(), releasedBy: { unsafe X509_STORE_free($0) }),
            unsafe X509_STORE_add_cert(store.pointer, issuer) == 1,
            // The issuer was checked with the chain already, so that it is trusted here.
            unsafe X509_STORE_set_flags(store.pointer, UInt(X509_V_FLAG_PARTIAL_CHAIN)) == 1,
            let candidates = unsafe OpenSSLObject(
                copenssl_sk_X509_new(), releasedBy: { unsafe copenssl_sk_X509_free($0) }),
            unsafe X509_up_ref(issuer) == 1
        else { return "there is no memory to verify the stapled OCSP response" }
        guard unsafe copenssl_sk_X509_push(candidates.pointer, issuer) > 0 else {
            unsafe X509_free(issuer)
            return "there is no memory to verify the stapled OCSP response"
        }
        guard
            unsafe OCSP_basic_verify(basic, candidates.pointer, store.pointer, UInt(OCSP_NOEXPLICIT)) == 1
        else {
            return "the stapled OCSP response is not signed by the certificate's issuer (\(OpenSSLError.takeText()))"
        }
        return nil
    }

    private static func verdict(
        of basic: OpaquePointer, on certificate: OpaquePointer, issuer: OpaquePointer
    ) -> Verdict {
        guard let single = unsafe answer(in: basic, on: certificate, issuer: issuer) else {
            return .unusable("the stapled OCSP response is about another certificate")
        }
        var thisUpdate: UnsafeMutablePointer<ASN1_GENERALIZEDTIME>?
        var nextUpdate: UnsafeMutablePointer<ASN1_GENERALIZEDTIME>?
        let status = unsafe OCSP_single_get0_status(single, nil, nil, &thisUpdate, &nextUpdate)
        let maximumAge = unsafe nextUpdate == nil ? ageWithoutNextUpdate : -1
        guard unsafe OCSP_check_validity(thisUpdate, nextUpdate, clockTolerance, maximumAge) == 1,
            let begin = unsafe X509Reading.seconds(thisUpdate)
        else { return .unusable("the stapled OCSP response is out of date (\(OpenSSLError.takeText()))") }
        switch status {
        case V_OCSP_CERTSTATUS_GOOD:
            return .good(until: unsafe X509Reading.seconds(nextUpdate) ?? begin + Int64(ageWithoutNextUpdate))
        case V_OCSP_CERTSTATUS_REVOKED: return .revoked
        default: return .unusable("the OCSP responder does not know the certificate")
        }
    }

    /// Names a certificate by hashes of the responder's choice.
    private static func answer(
        in basic: OpaquePointer, on certificate: OpaquePointer, issuer: OpaquePointer
    ) -> OpaquePointer? {
        for index in 0..<max(0, unsafe OCSP_resp_count(basic)) {
            guard let single = unsafe OCSP_resp_get0(basic, index),
                let identifier = unsafe OCSP_SINGLERESP_get0_id(single)
            else { continue }
            var hash: OpaquePointer?
            guard unsafe OCSP_id_get0_info(nil, &hash, nil, nil, identifier) == 1,
                let digest = unsafe OBJ_nid2sn(OBJ_obj2nid(hash)).flatMap({ unsafe EVP_get_digestbyname($0) }),
                let expected = unsafe OpenSSLObject(
                    OCSP_cert_to_id(digest, certificate, issuer), releasedBy: { unsafe OCSP_CERTID_free($0) })
            else { continue }
            if unsafe OCSP_id_cmp(identifier, expected.pointer) == 0 { return unsafe single }
        }
        return nil
    }
}
