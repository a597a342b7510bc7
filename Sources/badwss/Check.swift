import ArgumentParser
import Foundation
import WebSocketTesting

/// `badwss check -- COMMAND {url} {ca}`.
struct Check: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run a command once for each case, and say where it is wrong.",
        discussion: """
            The command has to connect to the URL, trusting the one authority and nobody else, and to end with status 0 when \
            all was in order and with another one when it was not. For the cases that need two connections it runs twice. In its \
            arguments are replaced:

              {url}      the URL, such as wss://localhost:4711/
              {ca}       the file with the authority's certificate, in PEM
              {host}     the URL's host: the name that the certificate has to be for
              {port}     the URL's port
              {address}  the address behind the host, for commands that take name and address separately
              {cert}     the file with the client certificate to show when asked for one, in PEM
              {key}      the file with its key
              {crl}      the file with the revocation lists of all authorities, in PEM
              {case}     the name of the case

            A case that says nothing about the command is skipped: that of a revoked certificate, for one, when it is not \
            given {crl}.

            EXAMPLES:
              badwss check -- python3 client.py {url} {ca}
              badwss check --scheme https -- curl -sS --max-time 5 --cacert {ca} {url}
              badwss check -- lwscat --ca {ca} -x hello --timeout 5 {url}

            EXIT STATUS:
              0   the command is right about every case
              n   it is wrong about n cases, at most \(EndStatus.mostWrong): so many or more
              64  the command line cannot be used, or the command cannot be run
              69  every case was skipped: nothing was checked
              71  the operating system lacked something
              128 and the signal's number, when a signal asked for the end
            """)

    @OptionGroup
    var options: CaseOptions

    @Option(
        help: ArgumentHelp(
            "How long the command may take for one connection. One that does not end within its time is wrong.",
            valueName: "time"))
    var timeout = Period(.seconds(20))

    @Option(help: ArgumentHelp("How many commands run at once.", valueName: "count"))
    var jobs = max(2, ProcessInfo.processInfo.activeProcessorCount)

    @Option(help: "The scheme of the URLs.")
    var scheme: Scheme = .wss

    @Flag(help: "Show the cases that the command is right about, too.")
    var verbose = false

    @Argument(parsing: .postTerminator, help: "The command and its arguments, behind a --.")
    var command: [String]

    func validate() throws {
        guard jobs >= 1 else { throw ValidationError("--jobs must be at least 1.") }
        guard !command.isEmpty else { throw ValidationError("There is no command behind the --.") }
        guard ClientCommand(command).takes("url") || ClientCommand(command).takes("port") else {
            throw ValidationError("The command does not say where {url} goes, or {port}: it would not know the server.")
        }
    }

    func run() async throws {
        let ends = Ends()
        defer { ends.cancel() }
        let command = ClientCommand(command)
        let verification = ClientVerification(
            options.cases, within: timeout.duration, concurrently: jobs, connectsByAddress: command.takes("address"),
            scheme: scheme.rawValue, reasonToSkip: command.reasonToSkip)
        let check = Task { try await verification.run { try await command.run($0) } }
        let watch = Task {
            let signal = await ends.next(within: nil)
            if signal != nil { check.cancel() }
            return signal
        }
        defer { watch.cancel() }
        try await EndStatus.translatingErrors {
            let report: ClientVerificationReport
            do {
                report = try await check.value
            } catch is CancellationError {
                // Only a signal cancels it.
                throw await watch.value.map(EndStatus.signal) ?? EndStatus.system
            } catch let error as ClientCommand.CannotRun {
                throw ValidationError(error.description)
            }
            try Output.write(options.json ? report.json + "\n" : verbose ? report.table + "\n\(report)" : "\(report)")
            if report.judged.isEmpty {
                FileHandle.standardError.write(Data("badwss: nothing was checked: every case was skipped\n".utf8))
            }
            throw EndStatus.of(report)
        }
    }
}
