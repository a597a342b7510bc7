// The names that a program needs to set a socket up: one import is enough.
@_exported public import WebSocketCompat
