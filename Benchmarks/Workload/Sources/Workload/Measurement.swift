#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Time, processor time and latencies of a run, printed as a line of JSON.
public struct Measurement {
    private var begun = (time: UInt64(0), cpu: 0.0)
    private var ended = (time: UInt64(0), cpu: 0.0)
    private var latencies: [UInt32] = []
    /// Memory that each idle connection holds.
    public var kibPerConnection: Double?

    public init() {}

    public mutating func begin() {
        begun = (Self.now(), Self.processorSeconds())
    }

    public mutating func end() {
        ended = (Self.now(), Self.processorSeconds())
    }

    public mutating func add(latency nanoseconds: UInt64) {
        latencies.append(UInt32(clamping: nanoseconds))
    }

    public func report(messages: Int) {
        let seconds = Double(ended.time - begun.time) / 1e9
        var line = "{\"messages\": \(messages), \"seconds\": \(seconds), \"cpu_seconds\": \(ended.cpu - begun.cpu)"
        // The first tenth is for warming up.
        let sorted = latencies.dropFirst(latencies.count / 10).sorted()
        if !sorted.isEmpty {
            line += ", \"p50_us\": \(Double(sorted[sorted.count / 2]) / 1e3)"
            line += ", \"p99_us\": \(Double(sorted[sorted.count * 99 / 100]) / 1e3)"
        }
        if let kibPerConnection { line += ", \"kib_per_connection\": \(kibPerConnection)" }
        print(line + "}")
    }

    /// Monotonic time in nanoseconds.
    public static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    private static func processorSeconds() -> Double {
        var usage = rusage()
        #if canImport(Glibc)
            getrusage(RUSAGE_SELF.rawValue, &usage)
        #else
            getrusage(RUSAGE_SELF, &usage)
        #endif
        return Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
            + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6
    }

    /// The memory that the process holds.
    public static func residentKiB() throws -> Double {
        guard let file = fopen("/proc/self/statm", "r") else { throw WrongResult("/proc/self/statm cannot be read") }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        guard fgets(&line, CInt(line.count), file) != nil else { throw WrongResult("/proc/self/statm is empty") }
        let fields = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self).split(
            separator: " ")
        guard fields.count > 1, let pages = Int(fields[1]) else { throw WrongResult("/proc/self/statm is different") }
        return Double(pages * sysconf(CInt(_SC_PAGESIZE))) / 1024
    }
}
