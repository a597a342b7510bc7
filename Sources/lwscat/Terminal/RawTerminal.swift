internal import Synchronization
import LibWebSockets
internal import LibC

/// The terminal, without its own line editing and echo (termios(3)), until ``restore()``.
final class RawTerminal: Sendable {
    private let original: Lock<termios?>

    /// `nil` when standard input is no terminal.
    init?() {
        var settings = termios()
        guard tcgetattr(STDIN_FILENO, &settings) == 0 else { return nil }
        original = Lock(settings)
        settings.c_lflag &= ~tcflag_t(ICANON | ECHO | ISIG | IEXTEN)
        // Enter arrives as a carriage return, ctrl-s and ctrl-q do not stop the output.
        settings.c_iflag &= ~tcflag_t(ICRNL | INLCR | IXON)
        tcsetattr(STDIN_FILENO, TCSADRAIN, &settings)
    }

    /// Gives the terminal back as it was found. Once is enough, and more do no harm.
    func restore() {
        original.withLock { settings in
            guard var found = settings else { return }
            tcsetattr(STDIN_FILENO, TCSADRAIN, &found)
            settings = nil
        }
    }

    /// The width of the terminal now; 80 when it does not say.
    static var columns: Int {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }
}
