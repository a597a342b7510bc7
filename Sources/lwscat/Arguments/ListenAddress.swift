import ArgumentParser

/// A port, or host and port: `8080`, `0.0.0.0:8080`, `[::1]:0`.
struct ListenAddress: ExpressibleByArgument, Hashable {
    let host: String
    let port: Int

    init?(argument: String) {
        let separator = argument.lastIndex(of: ":")
        let digits = separator.map { argument[argument.index(after: $0)...] } ?? argument[...]
        guard let port = Int(digits), (0...65_535).contains(port) else { return nil }
        self.port = port
        var host = separator.map { argument[..<$0] } ?? "127.0.0.1"
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        guard !host.isEmpty else { return nil }
        self.host = String(host)
    }
}
