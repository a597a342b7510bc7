// The C library under one name: each platform has its own module for it.
#if canImport(Glibc)
    @_exported public import Glibc
#elseif canImport(Musl)
    @_exported public import Musl
#else
    @_exported public import Darwin
#endif

// Functions under names that no method of ours has: inside of a type with a method of the same name, only the module's name
// would lead to them, and that is another one on each platform.

package func systemRead(_ descriptor: CInt, _ buffer: UnsafeMutableRawPointer?, _ count: Int) -> Int {
    read(descriptor, buffer, count)
}

package func systemWrite(_ descriptor: CInt, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
    write(descriptor, bytes, count)
}

package func systemAccept(_ descriptor: CInt) -> CInt {
    accept(descriptor, nil, nil)
}

package func systemConnect(_ descriptor: CInt, _ address: UnsafePointer<sockaddr>, _ length: socklen_t) -> CInt {
    connect(descriptor, address, length)
}

/// `SOCK_STREAM`, which Glibc declares as a type of its own.
package var streamSocket: CInt {
    #if canImport(Glibc)
        CInt(SOCK_STREAM.rawValue)
    #else
        SOCK_STREAM
    #endif
}

#if canImport(Glibc)
    package typealias LimitedResource = __rlimit_resource_t
#else
    package typealias LimitedResource = CInt
#endif

/// `RLIMIT_NOFILE`, which getrlimit(2) of Glibc takes as a type of its own.
package var openFilesResource: LimitedResource {
    #if canImport(Glibc)
        LimitedResource(RLIMIT_NOFILE.rawValue)
    #else
        RLIMIT_NOFILE
    #endif
}
