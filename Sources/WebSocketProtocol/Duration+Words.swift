extension Duration {
    /// For people: `12 ms`, `2.1 s`, `3 min 2 s`, `5 h 20 min`, `3 d 4 h`.
    package var words: String {
        let milliseconds = Int64(bounded / .milliseconds(1))
        let seconds = (milliseconds + 500) / 1_000
        return switch milliseconds {
        case ..<1_000: "\(milliseconds) ms"
        case ..<10_000: "\(milliseconds / 1_000).\(milliseconds % 1_000 / 100) s"
        case ..<119_500: "\(seconds) s"
        case ..<7_200_000: "\(seconds / 60) min \(seconds % 60) s"
        case ..<172_800_000: "\(seconds / 3_600) h \(seconds / 60 % 60) min"
        default: "\(seconds / 86_400) d \(seconds / 3_600 % 24) h"
        }
    }
}
