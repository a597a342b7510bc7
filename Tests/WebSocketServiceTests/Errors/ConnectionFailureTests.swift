import HTTPTypes
import Testing

@testable import WebSocketService

/// Every row of the table in the documentation of `isFinal`.
@Suite struct ConnectionFailureTests {
    @Test(
        "Certificate failures are final",
        arguments: [
            TLSFailure.Reason.untrustedRoot, .selfSigned, .expired, .notYetValid,
            .hostnameMismatch, .pinMismatch, .revoked, .invalidPurpose,
            .invalidAuthority, .weakKey, .weakSignature, .invalidSignature, .chainTooLong, .clientCertificateRequired,
            .clientCertificateRefused,
        ])
    func certificateFailuresAreFinal(reason: TLSFailure.Reason) {
        #expect(ConnectionFailure.tls(reason).isFinal)
    }

    @Test("Other failures of verification are final, and other TLS failures are not")
    func otherVerificationFailuresAreFinalAndOtherTLSFailuresAreNot() {
        #expect(ConnectionFailure.tls(.other, depth: 0).isFinal)
        #expect(!ConnectionFailure.tls(.other).isFinal)
        #expect(!ConnectionFailure.tls(.alert).isFinal)
        #expect(!ConnectionFailure.tls(.notTLS).isFinal)
        #expect(!ConnectionFailure.tls(.protocolVersion).isFinal)
    }

    @Test("A refusal with a client error is final", arguments: [400, 401, 403, 404, 405, 409, 410, 418, 426, 451, 499])
    func clientErrorsAreFinal(status: Int) {
        #expect(ConnectionFailure.refused(.init(code: status)).isFinal)
    }

    @Test("Other refusals are not final", arguments: [200, 301, 307, 408, 425, 429, 500, 502, 503, 504])
    func otherRefusalsAreNot(status: Int) {
        #expect(!ConnectionFailure.refused(.init(code: status)).isFinal)
    }

    @Test(
        "Close codes that another try would not change are final, whichever side sends them",
        arguments: [1002, 1003, 1007, 1008, 1009, 1010] as [UInt16])
    func finalCloseCodes(code: UInt16) {
        #expect(ConnectionFailure.closedByPeer(code).isFinal)
        #expect(ConnectionFailure.gaveUpWith(CloseCode(rawValue: code)).isFinal)
    }

    @Test(
        "Other close codes are not final",
        arguments: [1000, 1001, 1005, 1006, 1011, 1012, 1013, 1014, 1015, 3000, 4000, 4999] as [UInt16])
    func otherCloseCodesAreNot(code: UInt16) {
        #expect(!ConnectionFailure.closedByPeer(code).isFinal)
    }

    @Test(
        "An error without detail is final or not by its code",
        arguments: [
            (WebSocketError.Code.invalidConfiguration, true), (.libraryUnsuitable, true), (.loopShutDown, true),
            (.protocolViolation, true), (.messageTooBig, true), (.nameResolutionFailed, false), (.connectFailed, false),
            (.timedOut, false), (.connectionLost, false), (.invalidHandshake, false), (.connectionClosed, false),
            (.upgradeRefused, false), (.tlsFailed, false), (.resourceUnavailable, false),
        ])
    func errorsWithoutDetail(code: WebSocketError.Code, isFinal: Bool) {
        #expect(ConnectionFailure.error(code).isFinal == isFinal)
    }

    @Test("Heartbeat timeouts and foreign errors are not final") func heartbeatTimeoutsAndForeignErrorsAreNot() {
        struct Foreign: Error {}
        #expect(!ConnectionFailure.heartbeatTimeout(unanswered: 1).isFinal)
        #expect(!ConnectionFailure.connectFailed(Foreign()).isFinal)
        #expect(!ConnectionFailure.lost(Foreign()).isFinal)
    }

    @Test("Descriptions say what happened") func descriptionsSayWhatHappened() {
        #expect(
            "\(ConnectionFailure.closedByPeer(1012))" == "the peer closed the connection with 1012 service restart")
        #expect("\(ConnectionFailure.heartbeatTimeout(unanswered: 2))" == "the peer left 2 heartbeats unanswered")
        #expect("\(ConnectionFailure.refusedTCP)" == "connecting failed: connection refused")
    }
}
