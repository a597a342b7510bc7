// The part of Foundation that the original exports, and the names that a program needs to set the shape up: one import is
// enough.
@_exported public import struct Foundation.URL
@_exported public import WebSocketCompat
