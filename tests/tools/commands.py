"""Programs that a test runs to their end. None gets a passphrase as an argument, which others could read."""

import os
import re
import subprocess
from pathlib import Path

ENVIRONMENT = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": "/nonexistent"}
PASSPHRASE = re.compile(r"[2-9A-Z]{5}(-[2-9A-Z]{5}){4}")


class NotOpenedError(Exception):
    """The program does not open the file; its words."""


def ended(
    *command: str | Path, stdin: bytes = b"", timeout: float = 60
) -> subprocess.CompletedProcess[bytes]:
    """The program, however it ended."""
    assert not any(PASSPHRASE.search(str(each)) for each in command)
    return subprocess.run(
        command, input=stdin, capture_output=True, env=ENVIRONMENT, timeout=timeout, check=False
    )


def run(*command: str | Path, stdin: bytes = b"", timeout: float = 60) -> bytes:
    """Standard output of a program that ends well. Raises NotOpenedError, with what it said, for another."""
    done = ended(*command, stdin=stdin, timeout=timeout)
    if done.returncode:
        raise NotOpenedError((done.stderr or done.stdout).decode(errors="replace").strip())
    return done.stdout


def said(*command: str, pattern: str = r"\d+(\.\d+)+\w*") -> str:
    """The first thing that looks like a version in what a program says of itself."""
    done = ended(*command)
    found = re.search(pattern, (done.stdout + done.stderr).decode(errors="replace"))
    return found.group() if found else "unknown"


def nss_database(folder: Path, *roots: bytes, trust: str = "CT,C,C") -> tuple[str, str]:
    """Make a database of NSS there, with these certificates; returns the arguments that name it.

    trust: what the certificates are trusted for (certutil -t).
    """
    database = ("-d", f"sql:{folder}")
    run("certutil", "-N", *database, "--empty-password")
    for number, root in enumerate(roots):
        path = folder / f"root-{number}"
        path.write_bytes(root)
        run("certutil", "-A", *database, "-n", path.name, "-t", trust, "-i", path)
    return database
