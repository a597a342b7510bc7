internal import Logging
internal import CLibwebsockets

extension SocketLoop.Backend {
    /// Makes the backend; on the loop's thread.
    func make(_ info: lws_context_creation_info) throws(WebSocketError) -> any LoopBackend {
        do throws(LoopBackendFailure) {
            switch self {
            case .libuv: return try unsafe LibuvBackend(info: info)
            case .poll: return try unsafe PollBackend(info: info)
            case .automatic: break
            }
            do throws(LoopBackendFailure) {
                return try unsafe LibuvBackend(info: info)
            } catch .refused {
                let backend = try unsafe PollBackend(info: info)
                // Found out once: the installation does not change.
                _ = Self.warning
                return backend
            }
        } catch {
            throw error.error(
                self == .libuv
                    ? "libwebsockets could not create a socket loop on libuv (is its plugin missing?)"
                    : "libwebsockets could not create a socket loop")
        }
    }

    private static let warning: Void = LibraryStartup.loggingHold.log {
        LibraryStartup.logger.warning(
            """
            libwebsockets cannot use libuv: its plugin is missing (Debian and Ubuntu: libwebsockets-evlib-uv); socket loops \
            use poll(2), whose cost grows with the number of connections
            """)
    }
}
