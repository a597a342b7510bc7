import Testing

@testable import LibWebSockets

@Suite struct LibraryStartupTests {
    @Test(
        "A library of the compiled minor version with TLS is suitable",
        arguments: ["4.1.6-", "4.1.99", "4.1", "4.1.6-debian-v4.1.6", "v4.1.6"])
    func suitable(loadedVersion: String) {
        #expect(
            LibraryStartup.unsuitability(loadedVersion: loadedVersion, compiledVersion: (4, 1), hasTLS: true) == nil)
    }

    @Test(
        "Any other version is refused, with both versions and what to do",
        arguments: ["4.3.5-", "4.0.20", "3.1.0", "41.6", "4", "", "unknown", "14.1.6", "4.10.1"])
    func otherVersion(loadedVersion: String) throws {
        let problem = try #require(
            LibraryStartup.unsuitability(loadedVersion: loadedVersion, compiledVersion: (4, 1), hasTLS: true))
        #expect(problem.contains("compiled against libwebsockets 4.1 but runs with \(loadedVersion)"))
        #expect(problem.contains("build it again"))
    }

    @Test("A library without TLS is refused, with the package to install")
    func withoutTLS() throws {
        let problem = try #require(
            LibraryStartup.unsuitability(loadedVersion: "4.1.6-", compiledVersion: (4, 1), hasTLS: false))
        #expect(problem.contains("4.1.6-"))
        #expect(problem.contains("without TLS"))
        #expect(problem.contains("libwebsockets-dev"))
    }

    @Test("The library this test runs with is suitable")
    func loaded() {
        #expect(LibraryStartup.unsuitability == nil)
        #expect(throws: Never.self) { try LibraryStartup.create { () throws(WebSocketError) in } }
    }
}
