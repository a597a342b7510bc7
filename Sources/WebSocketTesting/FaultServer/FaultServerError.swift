/// The reason why a ``FaultServer`` could not be started, or has nothing to tell.
public struct FaultServerError: Error, CustomStringConvertible, Sendable {
    public let description: String
}
