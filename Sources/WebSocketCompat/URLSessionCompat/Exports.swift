// `URLRequest` comes with the original's module, which defines the original too: exported alone, it leaves that one's names free.
@_exported public import WebSocketCompat

#if canImport(FoundationNetworking)
    @_exported public import class FoundationNetworking.HTTPURLResponse
    @_exported public import struct FoundationNetworking.URLRequest
    @_exported public import class FoundationNetworking.URLResponse
#endif
