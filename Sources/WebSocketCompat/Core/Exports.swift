// The names that a program needs to set a shape up. Only these: `WebSocket` and `CloseCode` are names that the shapes have
// themselves.
@_exported public import struct LibWebSockets.TLSClientConfiguration
@_exported public import struct LibWebSockets.TLSIdentity
@_exported public import struct LibWebSockets.TrustRoots
@_exported public import struct LibWebSockets.WebSocketConfiguration
@_exported public import struct LibWebSockets.WebSocketError
@_exported public import struct WebSocketService.HeartbeatPolicy
@_exported public import struct WebSocketService.QueuePolicy
@_exported public import struct WebSocketService.ReconnectPolicy
