import LibC
import Testing

@testable import LibWebSockets

/// Each test has a process of its own, and is run by itself (see the shortage tests): no other thread may open or close a
/// descriptor meanwhile, and a busy libdispatch does, to look at its threads.
@Suite struct DescriptorPlaceholderIntegrationTests {
    private static func makePipe() -> (reading: CInt, writing: CInt) {
        var ends: [CInt] = [-1, -1]
        precondition(pipe(&ends) == 0)
        return (ends[0], ends[1])
    }

    /// The testing macro does not take values that cannot be copied.
    private static func check(_ condition: Bool, sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(condition, sourceLocation: sourceLocation)
    }

    /// The descriptors of this pipe. Others come and go, of libdispatch's.
    private static func descriptors(of end: CInt) -> [CInt] {
        func inode(_ descriptor: CInt) -> UInt64? {
            var status = stat()
            return fstat(descriptor, &status) == 0 ? UInt64(status.st_ino) : nil
        }
        return OpenSockets.descriptors().filter { inode($0) == inode(end) }
    }

    private static func isOpen(_ descriptor: CInt) -> Bool { fcntl(descriptor, F_GETFD) >= 0 }

    @Test("A descriptor that was not closed is, at the end")
    func neverClosed() async {
        await #expect(processExitsWith: .success) {
            let (reading, writing) = Self.makePipe()
            do {
                guard var placeholder = DescriptorPlaceholder(reservedWith: 0) else { exit(2) }
                Self.check(placeholder.watch(reading))
                Self.check(placeholder.isOpen)
                Self.check(placeholder.occupy())
                #expect(fcntl(reading, F_GETFL) & O_APPEND == 0, "the flags are as they were")
            }
            #expect(!Self.isOpen(reading))
            #expect(Self.isOpen(writing))
        }
    }

    @Test("A descriptor that was closed once has its number taken, to be closed again or at the end")
    func closedOnce() async {
        await #expect(processExitsWith: .success) {
            for isClosedAgain in [false, true] {
                let (reading, writing) = Self.makePipe()
                do {
                    guard var placeholder = DescriptorPlaceholder(reservedWith: 0) else { exit(2) }
                    Self.check(placeholder.watch(reading))
                    close(reading)
                    Self.check(!placeholder.isOpen)
                    Self.check(placeholder.occupy())
                    Self.check(placeholder.isOpen)
                    if isClosedAgain { close(reading) }
                }
                #expect(!Self.isOpen(reading))
                close(writing)
            }
        }
    }

    @Test("What another thread has opened under the number meanwhile stays open")
    func taken() async {
        await #expect(processExitsWith: .success) {
            let (reading, writing) = Self.makePipe()
            do {
                guard var placeholder = DescriptorPlaceholder(reservedWith: 0) else { exit(2) }
                Self.check(placeholder.watch(reading))
                // In one step: between two, yet another thread might come.
                #expect(dup2(writing, reading) == reading)
                let before = Self.descriptors(of: writing)
                Self.check(!placeholder.occupy())
                #expect(Self.descriptors(of: writing) == before)
            }
            #expect(Self.isOpen(reading))
        }
    }
}
