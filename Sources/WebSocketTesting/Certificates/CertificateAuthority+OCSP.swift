internal import COpenSSL
internal import LibWebSockets
internal import LibC

extension CertificateAuthority {
    /// The status of a certificate in an OCSP response (RFC 6960 section 2.2).
    public enum CertificateStatus: Hashable, Sendable, CaseIterable {
        /// Not revoked.
        case good
        /// Revoked.
        case revoked
        /// The responder does not know the certificate.
        case unknown
    }

    /// Makes an OCSP response (RFC 6960) in DER, signed by this authority, for a server to staple to its certificate.
    ///
    /// - Parameters:
    ///   - certificate: The certificate that it is about, issued by this authority.
    ///   - status: The status to state.
    ///   - validity: The date of the response, and the date at which the next one is due. The default is a minute ago, and
    ///     a day later.
    public func ocspResponse(
        for certificate: IssuedCertificate, status: CertificateStatus = .good, validity: CertificateValidity = .response
    ) throws(CertificateError) -> [UInt8] {
        try ocspResponse(for: certificate, status: status, validity: validity, signedBy: .issuer)
    }

    /// The signer of an OCSP response.
    package enum ResponseSigner: Sendable {
        case issuer
        /// Somebody with a certificate of the issuer's, for signing responses or, which makes it worthless, for something else.
        case delegate(isCertified: Bool)
        /// Another authority, which makes it worthless.
        case other(CertificateAuthority)
    }

    package func ocspResponse(
        for certificate: IssuedCertificate, status: CertificateStatus = .good,
        validity: CertificateValidity = .response,
        signedBy signer: ResponseSigner
    ) throws(CertificateError) -> [UInt8] {
        let (signerPEM, signerKey): (String, CertificateKeyPair)
        switch signer {
        case .issuer: (signerPEM, signerKey) = (certificatePEM, key)
        case .other(let other): (signerPEM, signerKey) = (other.certificatePEM, other.key)
        case .delegate(let isCertified):
            let delegate = try issue(
                CertificateTemplate(
                    commonName: "Throw-away responder", validity: .current,
                    usage: isCertified ? .responder : .server))
            (signerPEM, signerKey) = (delegate.certificatePEM, delegate.key)
        }
        ERR_clear_error()
        let subject = try CertificateTemplate.certificate(fromPEM: certificate.certificatePEM)
        let issuer = try CertificateTemplate.certificate(fromPEM: certificatePEM)
        let signer = try CertificateTemplate.certificate(fromPEM: signerPEM)
        let (begins, ends) = validity.seconds
        let (thisUpdate, nextUpdate) = (
            ASN1_GENERALIZEDTIME_set(nil, begins), ASN1_GENERALIZEDTIME_set(nil, ends)
        )
        defer {
            ASN1_STRING_free(thisUpdate)
            ASN1_STRING_free(nextUpdate)
        }
        let code =
            switch status {
            case .good: V_OCSP_CERTSTATUS_GOOD
            case .revoked: V_OCSP_CERTSTATUS_REVOKED
            case .unknown: V_OCSP_CERTSTATUS_UNKNOWN
            }
        guard let basic = OpenSSLObject(OCSP_BASICRESP_new(), releasedBy: { OCSP_BASICRESP_free($0) }),
            let identifier = OpenSSLObject(
                OCSP_cert_to_id(nil, subject.pointer, issuer.pointer), releasedBy: { OCSP_CERTID_free($0) }),
            OCSP_basic_add1_status(
                basic.pointer, identifier.pointer, code, Int32(OCSP_REVOKED_STATUS_KEYCOMPROMISE),
                status == .revoked ? thisUpdate : nil, thisUpdate, nextUpdate) != nil,
            OCSP_basic_sign(basic.pointer, signer.pointer, signerKey.pointer, EVP_sha256(), nil, 0) == 1,
            let response = OpenSSLObject(
                OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic.pointer),
                releasedBy: { OCSP_RESPONSE_free($0) })
        else { throw CertificateError("An OCSP response could not be made") }
        let count = i2d_OCSP_RESPONSE(response.pointer, nil)
        guard count > 0 else { throw CertificateError("An OCSP response could not be encoded") }
        return [UInt8](unsafeUninitializedCapacity: Int(count)) { buffer, written in
            var cursor = buffer.baseAddress
            written = Int(i2d_OCSP_RESPONSE(response.pointer, &cursor))
        }
    }
}
