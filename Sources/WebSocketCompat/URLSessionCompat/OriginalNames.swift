// On Linux the originals are in a module of their own, FoundationNetworking. Importing this module instead gives their names to
// the types here. Elsewhere Foundation itself has them.
#if canImport(FoundationNetworking)
    /// The original's name of ``WebSocketSession``.
    public typealias URLSession = WebSocketSession
    /// The original's name of ``WebSocketSessionConfiguration``.
    public typealias URLSessionConfiguration = WebSocketSessionConfiguration
    /// The original's name of ``WebSocketTask``, where any task is meant.
    public typealias URLSessionTask = WebSocketTask
    /// The original's name of ``WebSocketTask``.
    public typealias URLSessionWebSocketTask = WebSocketTask
    /// The original's name of ``WebSocketSessionDelegate``, where any delegate is meant.
    public typealias URLSessionDelegate = WebSocketSessionDelegate
    /// The original's name of ``WebSocketSessionDelegate``, where any task's delegate is meant.
    public typealias URLSessionTaskDelegate = WebSocketSessionDelegate
    /// The original's name of ``WebSocketSessionDelegate``.
    public typealias URLSessionWebSocketDelegate = WebSocketSessionDelegate
#endif
