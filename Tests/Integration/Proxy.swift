import LibWebSockets

/// Runs `body` with an HTTP proxy, which knows the names below `.test`; `Servers/proxy.py` says more.
///
/// - Parameters:
///   - credentials: The credentials that it demands; `nil` for none.
///   - status: The answer to every request; `nil` for the right one.
func withProxy<Result>(
    credentials: Proxy.Credentials? = nil, status: Int? = nil, _ body: (ExternalServer) async throws -> Result
) async throws -> Result {
    var arguments: [String] = []
    if let credentials { arguments += ["--user", credentials.user, "--password", credentials.password] }
    if let status { arguments += ["--status", String(status)] }
    return try await ExternalServer.with(script: "proxy.py", arguments: { _ in arguments }, body: body)
}
