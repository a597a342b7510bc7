import FoundationEssentials
import WebSocketService

/// The demo's server: confirms orders.
actor Shop {
    /// The orders in the sequence in which they arrived.
    private(set) var orders: [Int] = []

    func serve(_ socket: WebSocket) async throws {
        for try await message in socket.messages {
            guard let order = try? JSONDecoder().decode(Order.self, from: Data(message.payload)) else { continue }
            orders.append(order.id)
            let confirmation = Confirmation(id: order.id, item: order.item)
            try await socket.send(String(decoding: JSONEncoder().encode(confirmation), as: UTF8.self))
        }
    }
}
