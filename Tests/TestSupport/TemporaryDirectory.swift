internal import LibC

/// A directory that is gone with the test.
package final class TemporaryDirectory {
    package let path: String

    package init() throws {
        let system = getenv("TMPDIR").map { String(cString: $0) } ?? P_tmpdir
        var template = Array("\(system)/swift-libwebsockets-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw SystemCallFailure(call: "mkdtemp", errno: errno) }
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    package func write(_ content: [UInt8], to name: String) throws -> String {
        let file = "\(path)/\(name)"
        guard let stream = fopen(file, "w") else { throw SystemCallFailure(call: "fopen", errno: errno) }
        defer { fclose(stream) }
        guard fwrite(content, 1, content.count, stream) == content.count else {
            throw SystemCallFailure(call: "fwrite", errno: errno)
        }
        return file
    }

    package func write(_ text: String, to name: String) throws -> String { try write(Array(text.utf8), to: name) }

    deinit {
        guard let stream = opendir(path) else { return }
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            unlink("\(path)/\(name)")
        }
        closedir(stream)
        rmdir(path)
    }
}
