extension LineEditor {
    /// The keys, as the help and the manual page show them.
    static let help = """
        KEYS AT THE PROMPT:
          Enter           send the line; an empty one makes the next attempt now
          Up, Down        the lines before and after, as ctrl-p and ctrl-n
          Left, Right     one character back and on, as ctrl-b and ctrl-f
          Home, End       the line's start and end, as ctrl-a and ctrl-e
          Backspace       delete the character before the cursor; Delete the next
          ctrl-u, ctrl-k  delete to the start and to the end of the line
          ctrl-w          delete the word before the cursor
          ctrl-l          clear the screen
          ctrl-c, ctrl-d  leave; ctrl-d in a line deletes as Delete does
        """
}
