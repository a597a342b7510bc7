import ArgumentParser
import Foundation
import WebSocketTesting

/// The exit status of the process beside 0. The numbers are those of sysexits.h where one of them fits.
enum EndStatus {
    /// The most wrong cases that an exit status tells of: the numbers above mean something else.
    static let mostWrong: Int32 = 63
    static let system = ExitCode(71)
    /// Every case was skipped, so that nothing is known of the command.
    static let nothingChecked = ExitCode(69)

    /// Ended by a signal, as a shell shows it.
    static func signal(_ number: Int32) -> ExitCode { ExitCode(128 + number) }

    /// Runs `body`, and ends with a status that is no number of wrong cases when it fails.
    static func translatingErrors<Result>(_ body: () async throws -> Result) async throws -> Result {
        do {
            return try await body()
        } catch let error as ExitCode {
            throw error
        } catch let error as ValidationError {
            throw error
        } catch is Output.Closed {
            throw signal(SIGPIPE)
        } catch {
            FileHandle.standardError.write(Data("badwss: \(words(for: error))\n".utf8))
            throw system
        }
    }

    /// The path and the system's words for it, where Foundation has both: it would print all that it knows.
    static func words(for error: any Error) -> String {
        let whole = error as NSError
        guard let path = whole.userInfo[NSFilePathErrorKey] as? String,
            let cause = (whole.userInfo[NSUnderlyingErrorKey] as? any Error).map({ $0 as NSError }),
            cause.domain == NSPOSIXErrorDomain
        else { return "\(error)" }
        return "\(path): \(String(cString: strerror(Int32(truncatingIfNeeded: cause.code))))"
    }

    static func of(_ report: ClientVerificationReport) -> ExitCode {
        report.judged.isEmpty ? nothingChecked : wrong(report.wrong.count)
    }

    static func wrong(_ count: Int) -> ExitCode { ExitCode(min(Int32(clamping: count), mostWrong)) }
}
