// What a program names to set a socket up: one import is enough.
@_exported public import WebSocketCompat
