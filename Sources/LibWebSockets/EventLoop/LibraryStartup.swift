internal import Synchronization
internal import CLibwebsockets
internal import Logging
internal import WebSocketProtocol
internal import LibC

/// The steps of a process before its first loop: check the library, take its log lines, keep a bootstrap context.
enum LibraryStartup {
    /// The reason why the library found at run time is unsuitable, which does not change while the process runs; `nil` when
    /// it can be used.
    static let unsuitability: WebSocketError? = {
        if let problem = unsuitability(
            loadedVersion: loadedVersion,
            compiledVersion: (Int(clws_compiled_version_major), Int(clws_compiled_version_minor)),
            hasTLS: unsafe dlsym(nil, "lws_get_ssl") != nil
        ) {
            return WebSocketError(.libraryUnsuitable, stage: .configuration, message: problem)
        }
        unsafe lws_set_log_level(CInt(LLL_ERR | LLL_WARN), forwardLogLine)
        _ = OpenSSLCleanup.isDisabled
        return nil
    }()

    /// Such as "4.1.6-".
    static var loadedVersion: String { unsafe String(cString: lws_get_library_version()) }

    /// Holds what is kept for the life of the process where a leak checker sees that it is.
    @safe private struct Bootstrap {
        var context: OpaquePointer?
    }

    private static let bootstrap = Lock(Bootstrap())

    /// Runs `make`, which makes a loop's context, when everything is there that it needs. Does so for one loop at a time,
    /// so that the loop that asked for resources is the one that uses them.
    static func create<Made>(_ make: () throws(WebSocketError) -> Made) throws(WebSocketError) -> Made {
        if let unsuitability { throw unsuitability }
        var made: Made?
        try bootstrap.withLock { bootstrap throws(WebSocketError) in
            if let code = DescriptorReserve.shortage(of: DescriptorReserve.loop) {
                throw .resourceUnavailable(
                    code, stage: .configuration,
                    for:
                        "the socket loop could not be started, for which \(DescriptorReserve.loop) more files must be open"
                )
            }
            if let code = DescriptorReserve.randomDeviceError {
                throw .resourceUnavailable(
                    code, stage: .configuration, for: "libwebsockets needs /dev/urandom, which could not be opened")
            }
            if unsafe bootstrap.context == nil { unsafe bootstrap.context = try makeBootstrapContext() }
            made = try make()
        }
        return made!
    }

    /// Each `lws_create_context` with DO_SSL_GLOBAL_INIT allocates OpenSSL's ex_data index anew, under the feet of
    /// handshakes on other contexts (lws issue 2178, fixed in 4.2). So one context makes it, first, and is kept for the life
    /// of the process; it is never serviced.
    private static func makeBootstrapContext() throws(WebSocketError) -> OpaquePointer {
        var info = unsafe lws_context_creation_info()
        unsafe info.port = CONTEXT_PORT_NO_LISTEN
        unsafe info.options =
            UInt64(LWS_SERVER_OPTION_EXPLICIT_VHOSTS) | UInt64(LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT)
        do throws(LoopBackendFailure) {
            return try unsafe LoopBackendFailure.createContext(&info)
        } catch {
            throw error.error("libwebsockets could not create its first context")
        }
    }

    /// Returns the reason why the library found at run time cannot be used; `nil` when it can.
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
    /// Held while a loop is being made, which other threads wait for.
    static let loggingHold = LoggingHold()

    /// libwebsockets formats into one static buffer, so the line is copied at once.
    private static let forwardLogLine: @convention(c) (CInt, UnsafePointer<CChar>?) -> Void = { level, line in
        guard let line = unsafe line else { return }
        var text = unsafe String(cString: line)
        while text.last?.isNewline == true { text.removeLast() }
        // The empty proxy address that keeps `http_proxy` from being obeyed silently makes it complain each time.
        if text.contains("http_proxy needs to be ads:port") { return }
        // 4.3.3 has room for one such socket in a process, says so for each loop, and goes on without.
        if text.contains("netlink bind failed") { return }
        // Peers can make it complain with every connection, and put their words into it.
        let shown = text.visible(limit: 500)
        loggingHold.log {
            logLimit.log { suffix in
                switch level {
                case CInt(LLL_ERR): logger.error("\(shown)\(suffix)")
                case CInt(LLL_WARN): logger.warning("\(shown)\(suffix)")
                default: logger.debug("\(shown)\(suffix)")
                }
            }
        }
    }
}
