// A service's API speaks in the binding's types (`WebSocketError`, `TLSClientConfiguration`, `CloseCode`, …): one import is
// enough for a user. `@_exported` is the only spelling Swift has for that.
@_exported public import LibWebSockets
