import WebSocketService

enum Requests {
    struct Query: Encodable {
        var socketType = "query"
        var symbol: String
    }

    struct Chart: Decodable, Sendable {
        var points: [Double]
    }

    struct StatusQuery: Encodable {
        var socketType = "statusQuery"
    }

    struct Status: Decodable, Sendable {
        var isHealthy: Bool
    }

    static func correlated(service: SocketService) async throws {
        let chart = try await service.request(
            Query(symbol: "TEA"), reply: "chart", as: Chart.self, timeout: .seconds(5))
        print(chart.points.count)
    }

    static func byRoute(service: SocketService) async throws {
        let status = try await service.request(
            StatusQuery(), reply: "status", as: Status.self, correlated: false)
        _ = status
    }
}
