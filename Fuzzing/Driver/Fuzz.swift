import CLibFuzzer
import FuzzTargets

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// `Fuzz TARGET [options of libFuzzer]`; `scripts/fuzz` starts it.
@main
struct Fuzz {
    /// The closure that libFuzzer's callback, which has no context, calls. Set once, before the only thread that reads it
    /// starts.
    nonisolated(unsafe) fileprivate static var target = FuzzTarget.all[0]

    static func main() {
        guard let name = CommandLine.arguments.dropFirst().first,
            let target = FuzzTarget.all.first(where: { $0.name == name })
        else {
            for target in FuzzTarget.all { print(target.name) }
            return
        }
        Self.target = target
        var arguments = CommandLine.arguments
        arguments.remove(at: 1)
        // libFuzzer keeps the pointers for as long as the process lives.
        let list = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: arguments.count + 1)
        for (index, argument) in arguments.enumerated() { list[index] = strdup(argument) }
        list[arguments.count] = nil
        var count = CInt(arguments.count)
        var pointer: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = list
        exit(LLVMFuzzerRunDriver(&count, &pointer, run))
    }
}

private func run(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    do {
        try Fuzz.target.run(Array(UnsafeBufferPointer(start: data, count: size)))
    } catch {
        // The way to tell libFuzzer.
        fatalError("\(error)")
    }
    return 0
}
