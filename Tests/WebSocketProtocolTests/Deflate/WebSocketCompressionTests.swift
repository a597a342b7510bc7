import Testing

@testable import WebSocketProtocol

@Suite struct WebSocketCompressionTests {
    typealias Options = WebSocketCompression.DeflateOptions

    @Test(
        "Options outside of their ranges are named",
        arguments: [
            (Options(), nil),
            (Options(level: 1, memoryLevel: 1, windowBits: 9, peerWindowBits: 9, threshold: 0), nil),
            (Options(level: 9, memoryLevel: 9, windowBits: 15, peerWindowBits: 15, threshold: .max), nil),
            (Options(level: 0), "level is 0, but must be from 1 to 9"),
            (Options(level: 10), "level is 10, but must be from 1 to 9"),
            (Options(memoryLevel: 0), "memoryLevel is 0, but must be from 1 to 9"),
            (Options(memoryLevel: .max), "memoryLevel is \(Int.max), but must be from 1 to 9"),
            (Options(windowBits: 8), "windowBits is 8, but must be from 9 to 15"),
            (Options(windowBits: 16), "windowBits is 16, but must be from 9 to 15"),
            (Options(peerWindowBits: -15), "peerWindowBits is -15, but must be from 9 to 15"),
            (Options(threshold: -1), "threshold is -1, but must be at least 0"),
        ] as [(Options, String?)])
    func optionsOutOfRangeAreNamed(options: Options, problem: String?) {
        #expect(options.problem == problem.map { "compression: \($0)" })
    }

    @Test("`automatic` stands for the defaults") func automaticMeansDefaults() {
        #expect(WebSocketCompression.automatic.deflateOptions == Options())
        #expect(WebSocketCompression.deflate(Options(level: 9)).deflateOptions == Options(level: 9))
        #expect(WebSocketCompression.disabled.deflateOptions == nil)
    }
}
