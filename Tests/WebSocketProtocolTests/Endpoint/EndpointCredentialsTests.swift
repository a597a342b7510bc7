import Testing

@testable import WebSocketProtocol

@Suite struct EndpointCredentialsTests {
    @Test(
        "Credentials are taken out of the URL and never shown",
        arguments: [
            ("wss://user:secret@example.com/", "user", "secret", "Basic dXNlcjpzZWNyZXQ="),
            ("wss://user@example.com/", "user", "", "Basic dXNlcjo="),
            ("wss://us%40er:p%3Aw%20%C3%A9@example.com/", "us@er", "p:w é", "Basic dXNAZXI6cDp3IMOp"),
            ("wss://user:a:b@example.com/", "user", "a:b", "Basic dXNlcjphOmI="),
            ("wss://:secret@example.com/", "", "secret", "Basic OnNlY3JldA=="),
        ])
    func credentialsAreTakenOut(
        url: String, user: String, password: String, basic: String
    ) throws {
        let endpoint = try Endpoint(url)
        let credentials = try #require(endpoint.credentials)
        #expect(credentials.user == user)
        #expect(credentials.password == password)
        #expect(credentials.basicAuthorization == basic)
        #expect(endpoint.host == "example.com")
        #expect(endpoint.description == "wss://example.com/")
        var dumped = ""
        dump(endpoint, to: &dumped)
        for text in ["\(endpoint)", String(reflecting: credentials), "\(credentials)", dumped] where !password.isEmpty {
            #expect(!text.contains(password))
            #expect(user.isEmpty || !text.contains(user))
        }
        #expect(try Endpoint("wss://example.com/") != endpoint)
    }

    @Test(
        "Credentials that cannot be sent are refused without being shown",
        arguments: [
            ("wss://us er:topsecret@h/", "a space at byte 8"),
            ("wss://user:top\\secret@h/", "character at byte 14 that must be percent-encoded"),
            ("wss://user@topsecret@h/", "character at byte 10 that must be percent-encoded"),
            ("wss://user:topsecret%@h/", "not percent-encoded UTF-8"),
            ("wss://user:topsecret%4@h/", "not percent-encoded UTF-8"),
            ("wss://user:topsecret%zz@h/", "not percent-encoded UTF-8"),
            ("wss://user:topsecret%FF@h/", "not percent-encoded UTF-8"),
            ("wss://us%3Aer:topsecret@h/", "has a colon, or it or the password a control character"),
            ("wss://user:topsecret%0D%0AX:y@h/", "has a colon, or it or the password a control character"),
            ("wss://user:topsecret/rest@h/", "The URL's port at byte 11"),
            ("wss://user:topsecret@h:x/", "The URL's port at byte 23"),
        ])
    func unsendableCredentialsAreRefused(url: String, message: String) {
        var failure: InvalidEndpoint?
        do { _ = try Endpoint(url) } catch { failure = error }
        #expect(failure?.message.contains(message) == true, "\(failure?.message ?? "accepted")")
        #expect(failure?.message.contains("topsecret") == false)
    }
}
