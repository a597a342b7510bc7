/// The conduct of a case's server.
struct CaseScript: Sendable {
    enum Act: Sendable {
        /// Speaks TLS, and then HTTP or WebSocket. With several contexts each connection gets the next one.
        case serve([FaultServerTLSContext], CaseClientHello.Behavior)
        /// The same, but ends in the middle of its answer.
        case cutOff(FaultServerTLSContext)
        case stall
        case resetAfterHello
        case plainHTTP
    }

    let act: Act
}
