import Foundation

/// What this process uses, from proc(5).
struct Usage: CustomStringConvertible {
    let residentKiB: Int
    let descriptors: Int

    static func now() -> Usage {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let resident = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        let number = resident?.split(whereSeparator: { !$0.isNumber }).first.flatMap { Int($0) }
        let descriptors = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count) ?? 0
        return Usage(residentKiB: number ?? 0, descriptors: descriptors)
    }

    var description: String { "\(residentKiB) KiB resident, \(descriptors) descriptors" }

    /// As ``now()``, once the descriptors are as few as `before`, for which ends that are under way get ten seconds.
    static func settled(to before: Usage) async throws -> Usage {
        for _ in 0..<1_000 where now().descriptors > before.descriptors {
            try await Task.sleep(for: .milliseconds(10))
        }
        return now()
    }

    /// What the open descriptors lead to.
    static func links() -> [String] {
        let directory = "/proc/self/fd"
        return ((try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? [])
            .compactMap { try? FileManager.default.destinationOfSymbolicLink(atPath: "\(directory)/\($0)") }.sorted()
    }
}
