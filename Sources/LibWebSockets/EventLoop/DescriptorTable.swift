internal import LibC

/// The number of descriptors for which libwebsockets' tables have room: it asks for the soft limit once, when it makes a
/// context, and later refuses any descriptor with a higher number (`lws_create_context`; `__insert_wsi_socket_into_fds`).
enum DescriptorTable {
    /// So many at least, where the hard limit allows them: a program may raise its limit after its first connection.
    static let minimumSize: rlim_t = 16_384
    /// libwebsockets makes tables of 2,560 for limits above ten million.
    static let unreasonableLimit: rlim_t = 10_000_000
    /// So many in place of an unreasonable limit: 4 MiB for the two tables.
    static let maximumSize: rlim_t = 262_144

    /// The size of the tables of a context that is made now.
    static var currentSize: CInt {
        var limit = rlimit()
        guard unsafe getrlimit(openFilesResource, &limit) == 0 else { return .max }
        return CInt(clamping: limit.rlim_cur)
    }

    /// The size that the tables should have; `nil` where the soft limit will do.
    static func size(softLimit: rlim_t, hardLimit: rlim_t) -> rlim_t? {
        if softLimit > unreasonableLimit { return maximumSize }
        let size = min(minimumSize, hardLimit)
        return softLimit < size ? size : nil
    }

    /// Runs `body`, which makes a context, while the soft limit is what its tables should be sized by.
    static func sized<Made, Failure: Error>(_ body: () throws(Failure) -> Made) throws(Failure) -> Made {
        var limit = rlimit()
        guard unsafe getrlimit(openFilesResource, &limit) == 0,
            let size = size(softLimit: limit.rlim_cur, hardLimit: limit.rlim_max)
        else { return try body() }
        let before = limit.rlim_cur
        limit.rlim_cur = size
        guard unsafe setrlimit(openFilesResource, &limit) == 0 else { return try body() }
        defer {
            // Unless the program has set one of its own meanwhile.
            if unsafe getrlimit(openFilesResource, &limit) == 0, limit.rlim_cur == size {
                limit.rlim_cur = before
                _ = unsafe setrlimit(openFilesResource, &limit)
            }
        }
        return try body()
    }
}
