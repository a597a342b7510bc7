import Foundation

/// What this process uses, from proc(5).
struct Usage: CustomStringConvertible {
    let residentKiB: Int
    let descriptors: Int

    static func now() -> Usage {
        giveBackMemory()
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let resident = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        let number = resident?.split(whereSeparator: { !$0.isNumber }).first.flatMap { Int($0) }
        let descriptors = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count) ?? 0
        return Usage(residentKiB: number ?? 0, descriptors: descriptors)
    }

    /// glibc keeps what was freed, the more the higher a storm's peak was: without this, noise is taken for growth.
    ///
    /// Looked up by its name, because Swift's Glibc module leaves out `malloc.h` and other C libraries have no such function.
    private static func giveBackMemory() {
        guard let symbol = dlsym(nil, "malloc_trim") else { return }
        _ = unsafeBitCast(symbol, to: (@convention(c) (Int) -> CInt).self)(0)
    }

    var description: String { "\(residentKiB) KiB resident, \(descriptors) descriptors" }

    /// As ``now()``, once nothing is above `before` and the tolerance any more, for which what is under way gets 70 seconds.
    ///
    /// That long, because Swift's runtime keeps a `Task.sleep` that was cancelled until it would have ended: the services'
    /// deadlines, of up to a minute.
    static func settled(to before: Usage, toleranceKiB: Int) async throws -> Usage {
        var usage = now()
        for _ in 0..<70
        where usage.descriptors > before.descriptors || usage.residentKiB > before.residentKiB + toleranceKiB {
            try await Task.sleep(for: .seconds(1))
            usage = now()
        }
        return usage
    }

    /// What the open descriptors lead to.
    static func links() -> [String] {
        let directory = "/proc/self/fd"
        return ((try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? [])
            .compactMap { try? FileManager.default.destinationOfSymbolicLink(atPath: "\(directory)/\($0)") }.sorted()
    }
}
