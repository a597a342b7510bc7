// What the original exports of Foundation, and what a program names to set the shape up: one import is enough.
@_exported public import struct Foundation.URL
@_exported public import WebSocketCompat
