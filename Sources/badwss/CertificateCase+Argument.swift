public import ArgumentParser
import Foundation
public import WebSocketTesting

/// A time with a unit: `500ms`, `60s`, `10m`; a number alone is of seconds.
struct Period: ExpressibleByArgument, Hashable {
    let duration: Duration

    init(_ duration: Duration) { self.duration = duration }

    init?(argument: String) {
        let units: [(suffix: String, seconds: Double)] = [("ms", 0.001), ("s", 1), ("m", 60), ("h", 3_600), ("", 1)]
        guard let unit = units.first(where: { argument.hasSuffix($0.suffix) }),
            // A century is more than anybody waits, and within what every clock can add.
            let number = Double(argument.dropLast(unit.suffix.count)), number > 0,
            number * unit.seconds <= 3_155_760_000
        else { return nil }
        duration = .seconds(number * unit.seconds)
    }

    var defaultValueDescription: String { "\(duration / .seconds(1))s" }
}

extension CertificateCase: ExpressibleByArgument {}

/// The choice of cases, and the way in which they are told.
struct CaseOptions: ParsableArguments {
    @Option(
        name: .customLong("case"),
        help: ArgumentHelp(
            "Only this case; \"badwss list\" shows them. May be repeated.", valueName: "name"))
    var only: [CertificateCase] = []

    @Option(help: ArgumentHelp("All cases but this one. May be repeated.", valueName: "name"))
    var except: [CertificateCase] = []

    @Flag(help: "Print JSON, for scripts.")
    var json = false

    func validate() throws {
        if cases.isEmpty { throw ValidationError("No case is left.") }
    }

    var cases: [CertificateCase] {
        CertificateCase.allCases.filter { (only.isEmpty || only.contains($0)) && !except.contains($0) }
    }
}

/// The scheme of the URLs: the servers answer both kinds of requests.
enum Scheme: String, CaseIterable, ExpressibleByArgument {
    case wss, https
}

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
