import Foundation
import WebSocketService

enum Callbacks {
    typealias Price = FirstService.Price

    static func register(service: SocketService) {
        let registration = service.register("price", as: Price.self) { price in print(price.cents) }
        service.register("price") { message in print("\(message.payload.count) bytes") }

        registration.cancel()  // this handler
        service.unregister("price")  // all handlers of the route
    }

    static func weakly(service: SocketService) {
        service.register("question") { [weak service] _ in
            try await service?.send("answer")
        }
    }

    static func hooks(service: SocketService) {
        service.onOpen { (context: OpenContext) async throws -> Void in print(context.isReconnect) }
        service.onMessage { (message: WebSocketMessage) async throws -> Void in print(message.kind) }
        service.onClose { (end: ConnectionEnd) async throws -> Void in print(end.code) }
        service.onError { (error: SocketServiceError) async -> Void in print(error.message) }
        service.onUnhandled { (message: WebSocketMessage, route: String?) async throws -> Void in
            print(route ?? "none")
        }
        service.onDecodeFailure { (message: WebSocketMessage, error: SocketServiceError) async throws -> Void in
            print(error)
        }
        service.onDropped { (message: WebSocketMessage, reason: DropReason) -> Void in print(reason) }
    }

    static func sequence(service: SocketService) async {
        for await message in service.messages(of: "price") {
            print(message.text ?? "")
        }
    }

    static func routers() {
        let byType = SocketService.Options(router: .json(routeKey: "type", correlationKey: "requestId"))
        let byFirstByte = SocketService.Options(
            router: .custom { message in message.payload.first.map { "\($0)" } })
        _ = (byType, byFirstByte)
    }

    static func codec() {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let options = SocketService.Options(codec: JSONMessageCodec(decoder: decoder))
        _ = options
    }
}
