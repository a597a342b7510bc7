internal import LibC

// Functions of the C library under other names: types that have a method of the same name cannot call them, and the
// library's module, which would tell them apart, has another name on each system.

/// close(2). An error would only say that the descriptor is gone all the same.
func closeDescriptor(_ descriptor: CInt) {
    _ = close(descriptor)
}

/// listen(2), with the longest queue that the system allows.
func beginListening(_ descriptor: CInt) -> Bool {
    listen(descriptor, SOMAXCONN) == 0
}

/// send(2)
func sendBytes(_ bytes: UnsafeRawBufferPointer, to descriptor: CInt, flags: CInt) -> Int {
    unsafe send(descriptor, bytes.baseAddress, bytes.count, flags)
}
