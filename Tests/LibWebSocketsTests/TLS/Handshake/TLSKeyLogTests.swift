import LibC
import COpenSSL
import Logging
import TestSupport
import Testing
import WebSocketTesting

@testable import LibWebSockets

@Suite(.timeLimit(.minutes(10))) struct TLSKeyLogTests {
    private static func complaint(_ path: String) throws -> String {
        let error = try #require(throws: WebSocketError.self) {
            try TLSClientContext(TLSClientConfiguration(keyLogFile: path))
        }
        #expect(error.code == .invalidConfiguration)
        return error.message
    }

    private static func mode(_ path: String) -> mode_t {
        var status = stat()
        stat(path, &status)
        return status.st_mode & 0o777
    }

    @Test("The key log gets the secrets of every session, and only its owner may read it")
    func keyLog() throws {
        let directory = try TemporaryDirectory()
        let path = "\(directory.path)/keys.log"
        let authority = try CertificateAuthority()
        let server = try TLSServer(TLSServerConfiguration(identity: authority.issue(names: ["localhost"]).identity))
        let loopback = try TLSLoopback(
            client: TLSClientConfiguration(trustRoots: .pem(authority.certificatePEM), keyLogFile: path),
            server: server)
        #expect(try loopback.connect().error == nil)
        let lines = String(decoding: try FileOrBytes.file(path).read(for: "test"), as: UTF8.self).split(separator: "\n")
        #expect(lines.contains { $0.hasPrefix("CLIENT_TRAFFIC_SECRET_0 ") })
        #expect(lines.allSatisfy { $0.split(separator: " ").count == 3 })
        var status = stat()
        stat(path, &status)
        #expect(status.st_mode & 0o777 == 0o600)

        #expect(
            try Self.complaint("\(directory.path)/no/such").contains("cannot be written: No such file or directory"))
    }

    @Test("A FIFO is refused at once, with a reader or without")
    func fifo() throws {
        let directory = try TemporaryDirectory()
        let path = "\(directory.path)/fifo"
        #expect(mkfifo(path, 0o600) == 0)
        #expect(try Self.complaint(path).contains("is a FIFO or a device, not a regular file"))
        let reader = open(path, O_RDONLY | O_NONBLOCK)
        defer { close(reader) }
        #expect(try Self.complaint(path).contains("is not a regular file"))
        #expect(try Self.complaint("/dev/null").contains("is not a regular file"))
    }

    @Test("A file that is refused is closed once: not again, when another thread has opened something under its number")
    func closedOnce() async {
        await #expect(processExitsWith: .success) {
            let opener = FileOpener()
            let opened = Task.detached { await opener.openAndCloseUntilOneIsGone() }
            let quiet = Logger.silent
            // A process of its own: with the defect, it may be anybody's file that is closed.
            for _ in 0..<20_000 {
                #expect(throws: WebSocketError.self) { try TLSKeyLog(path: "/dev/null", logger: quiet) }
            }
            opener.stop()
            #expect(await opened.value == nil, "a file of another thread's was closed")
        }
    }

    @Test("A symbolic link is not followed: the secrets would end up in a file that somebody else chose")
    func symbolicLink() throws {
        let directory = try TemporaryDirectory()
        let (link, target) = ("\(directory.path)/link", "\(directory.path)/target")
        #expect(symlink(target, link) == 0)
        #expect(try Self.complaint(link).contains("is a symbolic link"))
        #expect(access(target, F_OK) != 0)
    }

    @Test("A file that others may read is closed to them, which is said")
    func readableFile() throws {
        let directory = try TemporaryDirectory()
        let path = try directory.write("earlier\n", to: "keys.log")
        chmod(path, 0o644)
        let log = LogLines()
        _ = try TLSClientContext(TLSClientConfiguration(keyLogFile: path), logger: log.logger())
        #expect(Self.mode(path) == 0o600)
        #expect(
            log.all == ["warning others could have read the key log file; its mode is now 600 mode=644 path=\(path)"])
        #expect(String(decoding: try FileOrBytes.file(path).read(for: "test"), as: UTF8.self) == "earlier\n")
        _ = try TLSClientContext(TLSClientConfiguration(keyLogFile: path), logger: log.logger())
        #expect(log.all.count == 1)
    }

    @Test("A file with another name is refused")
    func hardLink() throws {
        let directory = try TemporaryDirectory()
        let path = "\(directory.path)/keys.log"
        close(open(path, O_WRONLY | O_CREAT, 0o600))
        #expect(link(path, "\(directory.path)/other") == 0)
        #expect(try Self.complaint(path).contains("has another name, too (a hard link)"))
    }

    @Test(
        "Secrets end with the file: one that was deleted, replaced, linked or opened to others gets none, and one line says so",
        arguments: ["deleted", "replaced", "linked", "opened"])
    func noLongerOurs(change: String) throws {
        let directory = try TemporaryDirectory()
        let path = "\(directory.path)/keys.log"
        let lines = LogLines()
        let keyLog = try TLSKeyLog(path: path, logger: lines.logger())
        func size(of path: String) -> off_t {
            var status = stat()
            return stat(path, &status) == 0 ? status.st_size : -1
        }
        keyLog.append("FIRST")
        #expect(size(of: path) == 6)
        let other = "\(directory.path)/other"
        switch change {
        case "deleted":
            #expect(link(path, other) == 0)
            #expect(unlink(path) == 0)
        case "replaced":
            #expect(rename(path, other) == 0)
            close(open(path, O_WRONLY | O_CREAT, 0o600))
        case "linked": #expect(link(path, other) == 0)
        default: #expect(chmod(path, 0o644) == 0)
        }
        keyLog.append("SECOND")
        keyLog.append("THIRD")
        #expect(max(size(of: path), size(of: other)) == 6)
        #expect(lines.all.filter { $0.contains("no more secrets are written") }.count == 1)
    }
}
