// The protocol's value types (`WebSocketMessage`, `CloseCode`, `Endpoint`, …) are part of this module's API, and so are
// the headers and statuses of swift-http-types (`HTTPFields`, `HTTPResponse.Status`): one import is enough for a user.
// `@_exported` is the only spelling Swift has for that.
@_exported public import HTTPTypes
@_exported public import WebSocketProtocol
