#if THREAD_SANITIZER_LOCKS
    internal import LibC

    /// A stand-in for `Mutex` while ThreadSanitizer looks on.
    ///
    /// On Linux, `Mutex` waits and wakes inside of Swift's own library, which is not instrumented (6.3.1), so that the
    /// sanitizer takes what a mutex protects for a race. It knows a mutex of the C library. `scripts/sanitize thread` sets
    /// the condition, and nothing else does.
    ///
    /// `@unchecked Sendable` because the value is reached with the mutex held only.
    @safe package struct Lock<Value: ~Copyable>: ~Copyable, @unchecked Sendable {
        // Pointers, and no object of a class: a change of a property counts as one of the whole object, and so of what is
        // read to reach the mutex.
        private let value = UnsafeMutablePointer<Value>.allocate(capacity: 1)
        private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)

        package init(_ initialValue: consuming sending Value) {
            unsafe value.initialize(to: initialValue)
            unsafe mutex.initialize(to: pthread_mutex_t())
            let status = unsafe pthread_mutex_init(mutex, nil)
            precondition(status == 0, "pthread_mutex_init failed: \(status)")
        }

        deinit {
            unsafe pthread_mutex_destroy(mutex)
            unsafe mutex.deallocate()
            unsafe value.deinitialize(count: 1)
            unsafe value.deallocate()
        }

        package borrowing func withLock<Result: ~Copyable, Failure: Error>(
            _ body: (inout sending Value) throws(Failure) -> sending Result
        ) throws(Failure) -> sending Result {
            let status = unsafe pthread_mutex_lock(mutex)
            precondition(status == 0, "pthread_mutex_lock failed: \(status)")
            defer { unsafe pthread_mutex_unlock(mutex) }
            return try unsafe body(&value.pointee)
        }

        package borrowing func withLockIfAvailable<Result: ~Copyable, Failure: Error>(
            _ body: (inout sending Value) throws(Failure) -> sending Result
        ) throws(Failure) -> sending Result? {
            guard unsafe pthread_mutex_trylock(mutex) == 0 else { return nil }
            defer { unsafe pthread_mutex_unlock(mutex) }
            return try unsafe body(&value.pointee)
        }
    }
#else
    package import Synchronization

    /// The lock of this package: `Mutex` itself, under a name of our own.
    ///
    /// The name is there because `scripts/sanitize thread` puts a lock in its place that ThreadSanitizer knows.
    package typealias Lock<Value: ~Copyable> = Mutex<Value>
#endif
