// A test speaks of services, connections and certificates (`SocketService`, `WebSocketMessage`, `TLSClientConfiguration`, …) as
// much as of the servers and transports here: one import is enough. `@_exported` is the only spelling Swift has for that.
@_exported public import WebSocketService
