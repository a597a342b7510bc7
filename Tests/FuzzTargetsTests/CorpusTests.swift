import Foundation
import FuzzTargets
import Testing

/// The inputs that fuzzing has found or started from, without a fuzzer; see `scripts/fuzz`.
@Suite("The corpora of the fuzz targets") struct CorpusTests {
    private static let corpora = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Fuzzing/Corpora")

    private static func inputs(of target: FuzzTarget) throws -> [URL] {
        try FileManager.default.contentsOfDirectory(
            at: corpora.appending(path: target.name), includingPropertiesForKeys: nil)
    }

    @Test(
        "Every input of the corpus, and each of its beginnings, holds what the target promises",
        arguments: FuzzTarget.all.map(\.name))
    func corpusInputsHold(name: String) throws {
        let target = try #require(FuzzTarget.all.first { $0.name == name })
        let inputs = try Self.inputs(of: target)
        #expect(inputs.count >= 5)
        for input in inputs {
            let bytes = [UInt8](try Data(contentsOf: input))
            for count in [bytes.count] + Array(stride(from: 0, to: bytes.count, by: 1 + bytes.count / 50)) {
                #expect(throws: Never.self, "\(input.lastPathComponent), \(count) bytes") {
                    try target.run(Array(bytes.prefix(count)))
                }
            }
        }
    }

    @Test("Every corpus belongs to a target") func corporaBelongToTargets() throws {
        let folders = try FileManager.default.contentsOfDirectory(atPath: Self.corpora.path)
        #expect(Set(folders) == Set(FuzzTarget.all.map(\.name)))
    }
}
