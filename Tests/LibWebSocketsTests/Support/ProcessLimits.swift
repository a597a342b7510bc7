import LibC

/// The limits of this process (getrlimit(2)): for tests that have one of their own.
enum ProcessLimits {
    static let openFiles = openFilesResource
    #if canImport(Glibc)
        static let threads = LimitedResource(6)  // RLIMIT_NPROC, which Swift does not see
    #else
        static let threads = RLIMIT_NPROC
    #endif

    /// Sets the soft limit, and returns what it was.
    @discardableResult
    static func set(_ resource: LimitedResource, to value: rlim_t) -> rlim_t {
        var limit = rlimit()
        precondition(getrlimit(resource, &limit) == 0)
        let before = limit.rlim_cur
        limit.rlim_cur = min(value, limit.rlim_max)
        precondition(setrlimit(resource, &limit) == 0)
        return before
    }

    /// Raises both limits, which needs the right to.
    static func setHard(_ resource: LimitedResource, to value: rlim_t) -> Bool {
        var limit = rlimit(rlim_cur: value, rlim_max: value)
        return setrlimit(resource, &limit) == 0
    }

    /// Opens files until only `count` more can be; returns what to close afterwards.
    static func exhaustDescriptors(leaving count: Int) -> [CInt] {
        var fillers: [CInt] = []
        while case let copy = dup(0), copy >= 0 { fillers.append(copy) }
        for filler in fillers.suffix(count) { close(filler) }
        return fillers.dropLast(count)
    }
}
