import CMalloc
import Foundation

/// The resources that this process uses.
struct Usage: CustomStringConvertible {
    /// The memory that was allocated and not freed: growth is a leak. 0 where the C library does not tell (all but glibc).
    let allocatedKiB: Int
    /// The resident memory, with what glibc keeps of the freed memory between chunks in use: the more, the higher the peak
    /// was.
    let residentKiB: Int
    let descriptors: Int

    static func now() -> Usage {
        give_back_free_memory()
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let resident = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        let number = resident?.split(whereSeparator: { !$0.isNumber }).first.flatMap { Int($0) }
        let descriptors = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count) ?? 0
        return Usage(
            allocatedKiB: Int(allocated_bytes()) / 1_024, residentKiB: number ?? 0, descriptors: descriptors)
    }

    var description: String {
        "\(allocatedKiB) KiB allocated, \(residentKiB) KiB resident, \(descriptors) descriptors"
    }

    /// As ``now()``, once nothing is above `before` and the tolerance any more, for which what is under way gets 70 seconds.
    ///
    /// That long, because Swift's runtime keeps the clock's sleeps until they would have ended, also those of services that
    /// are gone: their deadlines lie up to a minute ahead.
    static func settled(to before: Usage, toleranceKiB: Int) async throws -> Usage {
        var usage = now()
        for _ in 0..<70
        where usage.descriptors > before.descriptors || usage.allocatedKiB > before.allocatedKiB + toleranceKiB {
            try await Task.sleep(for: .seconds(1))
            usage = now()
        }
        return usage
    }

    /// The targets of the open descriptors.
    static func links() -> [String] {
        let directory = "/proc/self/fd"
        return ((try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? [])
            .compactMap { try? FileManager.default.destinationOfSymbolicLink(atPath: "\(directory)/\($0)") }.sorted()
    }
}
