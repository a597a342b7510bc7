// The types that the original's signatures have, and the names that a program needs to set the shape up: one import is
// enough. On Linux `URLRequest` is in a module of its own.
@_exported public import WebSocketCompat

#if canImport(FoundationNetworking)
    @_exported public import struct FoundationNetworking.URLRequest
#endif
