import ArgumentParser
import Testing
import WebSocketService

@testable import lwscat

@Suite("Exit statuses")
struct EndStatusTests {
    private static func failed(
        _ code: WebSocketError.Code, closure: WebSocketClosure? = nil
    ) -> ConnectionFailure {
        .connectFailed(WebSocketError(code, stage: .connect, message: "", closure: closure))
    }

    private static func closed(_ code: CloseCode?) -> WebSocketClosure {
        WebSocketClosure(initiator: .remote, sent: nil, received: CloseFrame(code: code))
    }

    @Test(
        "Each class of failure has its own",
        arguments: [
            (failed(.invalidConfiguration), .usage),
            (failed(.nameResolutionFailed), .nameNotFound),
            (failed(.connectFailed), .unreachable),
            (failed(.tlsFailed), .tls),
            (failed(.upgradeRefused), .upgradeRefused),
            (failed(.invalidHandshake), .protocolBroken),
            (failed(.protocolViolation), .protocolBroken),
            (failed(.messageTooBig), .protocolBroken),
            (failed(.timedOut), .timedOut),
            (failed(.connectionLost), .connectionLost),
            (failed(.resourceUnavailable), .systemError),
            (failed(.libraryUnsuitable), .internalError),
            (.heartbeatTimeout(unanswered: 3), .timedOut),
            (.closed(closed(.normalClosure)), .orderly),
            (.closed(closed(.goingAway)), .orderly),
            (.closed(closed(nil)), .orderly),
            (.closed(closed(.policyViolation)), .closedWithError),
            (.closed(closed(.init(rawValue: 4_000))), .closedWithError),
            // However the library calls it: the peer's word is what counts.
            (
                .lost(WebSocketError(.connectionClosed, stage: .closing, message: "", closure: closed(.internalError))),
                .closedWithError
            ),
            (.lost(WebSocketError(.connectionLost, stage: .open, message: "")), .connectionLost),
        ] as [(ConnectionFailure, EndStatus)])
    func classes(failure: ConnectionFailure, status: EndStatus) {
        #expect(EndStatus(failure) == status)
    }

    @Test("The help documents every one, and no number twice")
    func documentation() {
        let numbers = EndStatus.documented.map(\.status.rawValue)
        #expect(Set(numbers).count == numbers.count)
        #expect(numbers == numbers.sorted())
        let help = Connect.helpMessage()
        for number in numbers { #expect(help.contains("\n  \(number) ")) }
    }
}
