import Testing

@testable import lwscat
