import Foundation
import WebSocketTesting

/// The settings of nginx; `Servers/nginx.py --help` says more.
struct NginxOptions: Sendable {
    /// In whole seconds: nginx closes a connection on which the upstream is silent for so long.
    var readTimeout = Duration.seconds(60)
    /// Run a master process and a worker, so that ``ExternalServer/reload()`` works.
    var hasWorkers = false
    /// In whole seconds: how long a worker may live on after a reload; `nil` for as long as it has connections.
    var shutdownTimeout: Duration?

    fileprivate var arguments: [String] {
        var arguments = ["--read-timeout", String(readTimeout.components.seconds)]
        if hasWorkers { arguments.append("--workers") }
        if let shutdownTimeout { arguments += ["--shutdown-timeout", String(shutdownTimeout.components.seconds)] }
        return arguments
    }
}

/// Runs `body` with an nginx that terminates TLS for another server.
func withNginx<Result>(
    certificate: IssuedCertificate,
    upstream: ExternalServer,
    options: NginxOptions = NginxOptions(),
    _ body: (ExternalServer) async throws -> Result
) async throws -> Result {
    try await ExternalServer.with(
        script: "nginx.py",
        arguments: { directory in
            try certificate.arguments(in: directory) + options.arguments + [
                "--prefix", directory.path, "--upstream", String(upstream.port),
            ]
        },
        body: body
    )
}
