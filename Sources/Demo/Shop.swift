import WebSocketService

/// The demo's server: confirms orders, and answers a subscription with the price of tea.
actor Shop {
    /// The orders in the sequence in which they arrived.
    private(set) var orders: [Int] = []
    private(set) var subscriptions = 0

    func serve(_ socket: WebSocket) async throws {
        let (router, codec) = (JSONRouter(), JSONMessageCodec())
        for try await message in socket.messages {
            switch router.route(of: message) {
            case "order":
                let order = try codec.decode(Order.self, from: message)
                orders.append(order.id)
                try await socket.send(codec.encode(Confirmation(id: order.id, item: order.item)))
            case "subscribe":
                subscriptions += 1
                try await socket.send(codec.encode(Price(item: "tea", cents: 240 + 10 * subscriptions)))
            default:
                break
            }
        }
    }
}
