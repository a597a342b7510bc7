internal import Foundation

/// The machine that the program runs on.
public enum System {
    /// The number of processors that the program may use.
    public static var coreCount: Int { ProcessInfo.processInfo.activeProcessorCount }
}
