import ArgumentParser
import Foundation
import Logging
import WebSocketService

/// `lwscat tls URL`.
struct InspectTLS: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        // As it is typed: help and errors name it so.
        commandName: "lwscat tls",
        abstract: "Explain a server's certificates, and which checks they pass.",
        usage: "lwscat tls [options] <url>",
        discussion: """
            Makes TLS connections and sends nothing over them: one that shows the certificates and goes through all \
            checks, and one for each version of TLS to see whether the server speaks it. Ends with 0 when every check \
            passes and with \(EndStatus.tls.rawValue) when one fails; otherwise as "lwscat" does.

            \(TLSReport.jsonHelp)
            """,
        version: Lwscat.version)

    @Argument(help: ArgumentHelp("Where to look: a wss: or https: URL, or a host and port.", valueName: "url"))
    var url: String

    @Flag(help: "Print one JSON object, for scripts; see above.")
    var json = false

    @OptionGroup(title: "Connecting")
    var way: RouteOptions

    @OptionGroup(title: "TLS")
    var certificates: CertificateOptions

    func run() async throws {
        LoggingSystem.bootstrap { _ in SwiftLogNoOpLogHandler() }
        let endpoint: Endpoint
        do {
            endpoint = try Endpoint(url.contains("://") ? url : "wss://\(url)")
        } catch {
            throw ValidationError(error.message)
        }
        guard endpoint.isSecure else {
            throw ValidationError("\(url) has no TLS to look at: give a wss: or https: URL, or a host and port.")
        }
        let tls = certificates.client
        var report = TLSReport(
            server: endpoint.origin, expectedName: tls.serverName ?? endpoint.host, trustRoots: "\(tls.trustRoots)",
            pinCount: tls.pinnedKeys.count)
        var status = EndStatus.orderly
        do {
            report.inspection = try await TLSInspection.inspect(endpoint, configuration: way.configuration(tls: tls))
            if !report.failures.isEmpty { status = .tls }
        } catch let error as WebSocketError where error.code == .invalidConfiguration {
            throw ValidationError(error.message)
        } catch {
            report.error = "\(error)"
            report.hint = (error as? WebSocketError)?.tlsFailure?.clientCertificateHint
            status = EndStatus(error)
        }
        // Without TLS there is nothing to find out about its versions.
        if status == .orderly || status == .tls { report.versions = try await versions(endpoint, tls) }
        let text =
            if !json {
                report.text(at: Date())
            } else if isatty(STDOUT_FILENO) == 1 {
                report.json.visibleJSON
            } else {
                report.json
            }
        try Writer().write(text, to: STDOUT_FILENO)
        throw status.exitCode
    }

    private func versions(
        _ endpoint: Endpoint, _ tls: TLSClientConfiguration
    ) async throws -> [TLSReport.Version] {
        var versions: [TLSReport.Version] = []
        for version in [TLSProtocolVersion.tls13, .tls12, .insecureTLS11, .insecureTLS10] {
            var tls = tls
            (tls.minimumVersion, tls.maximumVersion) = (version, version)
            let isSpoken: Bool?
            do {
                _ = try await TLSInspection.inspect(endpoint, configuration: way.configuration(tls: tls))
                isSpoken = true
            } catch let error as WebSocketError {
                isSpoken = TLSReport.Version.isSpoken(despite: error)
            }
            versions.append(TLSReport.Version(version: version, isSpoken: isSpoken))
        }
        return versions
    }
}
