import WebSocketService

enum Heartbeats {
    static func pings() {
        let heartbeat = HeartbeatPolicy.ping(every: .seconds(20), timeout: .seconds(5), missesAllowed: 1)
        let service = SocketService("wss://feed.example.com/stream", heartbeat: heartbeat)
        _ = service
    }

    static func messages(currentTime: @escaping @Sendable () -> Int) {
        let fixed = HeartbeatPolicy.message(.text(#"{"socketType":"heartbeat"}"#), every: .seconds(60), timeout: nil)
        let made = HeartbeatPolicy.message(
            every: .seconds(30),
            isAnswer: { $0.text?.contains("pong") ?? false },
            { .text(#"{"socketType":"ping","time":"\#(currentTime())"}"#) })
        _ = (fixed, made)
    }

    static func roundTrips(service: SocketService) {
        if let time = service.statistics.roundTripTime {
            print("last \(time.last), smoothed \(time.smoothed)")
        }
    }
}
