"""Read a line from the terminal of a command."""

import sys


def read_line(prompt: str) -> str:
    """As input(), on the command's streams and without readline, whose history would keep what is typed.

    Raises EOFError at the end of the input.
    """
    sys.stdout.write(prompt)
    sys.stdout.flush()
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line.rstrip("\n")
