// The types that the original's signatures have, and what a program names to set the shape up: one import is enough.
@_exported public import WebSocketCompat
