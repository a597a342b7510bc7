import WebSocketService

/// Prints what `scripts/reconnect-storm` plots: a row for each policy and tenth of a second.
@main
enum ReconnectStorm {
    static func main() {
        let simulation = Simulation()
        print("policy,seconds,attempts,connected")
        for jitter in ReconnectSchedule.Jitter.allCases {
            let result = simulation.run(.exponential(jitter: jitter))
            for (tenth, (attempts, connected)) in zip(result.attempts, result.connected).enumerated() {
                print("\(jitter),\(tenth / 10).\(tenth % 10),\(attempts),\(connected)")
            }
        }
    }
}
