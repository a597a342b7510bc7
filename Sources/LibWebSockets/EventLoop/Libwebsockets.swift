internal import CLibwebsockets
internal import Logging
internal import WebSocketProtocol

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// What a process does once before its first loop: check the library, take its log lines, keep a bootstrap context.
enum Libwebsockets {
    /// Runs the checks once and remembers how they ended.
    static let readiness: Result<Void, WebSocketError> = {
        if let problem = unsuitability(
            loadedVersion: unsafe String(cString: lws_get_library_version()),
            compiledVersion: (Int(clws_compiled_version_major), Int(clws_compiled_version_minor)),
            hasTLS: unsafe dlsym(nil, "lws_get_ssl") != nil
        ) {
            return .failure(WebSocketError(.libraryUnsuitable, stage: .configuration, message: problem))
        }
        unsafe lws_set_log_level(CInt(LLL_ERR | LLL_WARN), forwardLogLine)
        _ = OpenSSLCleanup.isDisabled
        // Each `lws_create_context` with DO_SSL_GLOBAL_INIT allocates OpenSSL's ex_data index anew, under the feet of
        // handshakes on other contexts (lws issue 2178, fixed in 4.2). So one context makes it, first, and is kept for
        // the life of the process; it is never serviced.
        var info = unsafe lws_context_creation_info()
        unsafe info.port = CONTEXT_PORT_NO_LISTEN
        unsafe info.options =
            UInt64(LWS_SERVER_OPTION_EXPLICIT_VHOSTS) | UInt64(LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT)
        unsafe bootstrapContext = lws_create_context(&info)
        guard unsafe bootstrapContext != nil else {
            return .failure(
                WebSocketError(
                    .libraryUnsuitable, stage: .configuration,
                    message: """
                        libwebsockets could not create its first context (is the limit on open files, `ulimit -n`, \
                        exhausted?); its log line says more
                        """))
        }
        return .success(())
    }()

    /// Holds what is kept for the life of the process where a leak checker sees that it is. Written once, under the
    /// lock of ``readiness``'s initialization, and never read elsewhere, which is why it needs no isolation.
    private nonisolated(unsafe) static var bootstrapContext: OpaquePointer?

    /// Why the library found at run time cannot be used; `nil` when it can.
    ///
    /// Structures differ between minor versions, so the loaded library must be the one whose headers were compiled.
    static func unsuitability(loadedVersion: String, compiledVersion: (Int, Int), hasTLS: Bool) -> String? {
        let numbers = loadedVersion.split { !$0.isNumber }.prefix(2).compactMap { Int($0) }
        guard numbers.count == 2, (numbers[0], numbers[1]) == compiledVersion else {
            return """
                this program was compiled against libwebsockets \(compiledVersion.0).\(compiledVersion.1) but runs with \
                \(loadedVersion); build it again on this system, or install the libwebsockets it was built with
                """
        }
        guard hasTLS else {
            return """
                the libwebsockets \(loadedVersion) found at run time was built without TLS, so `wss:` is not possible; \
                install the distribution's package (Debian and Ubuntu: libwebsockets-dev)
                """
        }
        return nil
    }

    static let logger = Logger(label: "LibWebSockets.libwebsockets")
    private static let logLimit = SharedLogLimit()

    /// libwebsockets formats into one static buffer, so the line is copied at once.
    private static let forwardLogLine: @convention(c) (CInt, UnsafePointer<CChar>?) -> Void = { level, line in
        guard let line = unsafe line else { return }
        var text = unsafe String(cString: line)
        while text.last?.isNewline == true { text.removeLast() }
        // The empty proxy address that keeps `http_proxy` from being obeyed silently makes it complain each time.
        if text.contains("http_proxy needs to be ads:port") { return }
        // Peers can make it complain with every connection, and put their words into it.
        let shown = text.visible(limit: 500)
        logLimit.log { suffix in
            switch level {
            case CInt(LLL_ERR): logger.error("\(shown)\(suffix)")
            case CInt(LLL_WARN): logger.warning("\(shown)\(suffix)")
            default: logger.debug("\(shown)\(suffix)")
            }
        }
    }
}
