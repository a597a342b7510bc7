// For pthread_setname_np(3).
internal import CLibwebsockets
internal import LibC

/// A thread that nobody joins.
enum DetachedThread {
    private final class Body {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    /// Runs `body` on a new thread. Returns the system's error number, 0 when the thread has started.
    ///
    /// - Parameters:
    ///   - name: The name that `top -H`, debuggers and core dumps show; Linux allows 15 bytes (pthread_setname_np(3)).
    ///   - stackSize: In bytes, a multiple of the page size; `nil` for the system's default.
    static func start(named name: String, stackSize: Int? = nil, _ body: @escaping @Sendable () -> Void) -> CInt {
        var attributes = pthread_attr_t()
        let attributesCode = unsafe pthread_attr_init(&attributes)
        guard attributesCode == 0 else { return attributesCode }
        defer { unsafe pthread_attr_destroy(&attributes) }
        unsafe pthread_attr_setdetachstate(&attributes, CInt(PTHREAD_CREATE_DETACHED))
        if let stackSize {
            let code = unsafe pthread_attr_setstacksize(&attributes, stackSize)
            guard code == 0 else { return code }
        }
        let body = unsafe Unmanaged.passRetained(
            Body {
                nameCurrentThread(name)
                body()
            })
        #if canImport(Glibc)
            var thread = pthread_t()
        #else
            var thread: pthread_t?
        #endif
        let code = unsafe pthread_create(
            &thread, &attributes,
            { argument in
                // Not optional on Darwin.
                let argument: UnsafeMutableRawPointer? = unsafe argument
                unsafe Unmanaged<Body>.fromOpaque(argument!).takeRetainedValue().run()
                return nil
            }, unsafe body.toOpaque())
        if code != 0 { unsafe body.release() }
        return code
    }

    /// A name that the system refuses is left out: nothing depends on it.
    private static func nameCurrentThread(_ name: String) {
        #if canImport(Darwin)
            unsafe pthread_setname_np(name)
        #else
            unsafe pthread_setname_np(pthread_self(), name)
        #endif
    }
}
