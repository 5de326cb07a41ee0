"""Stands in for systemd-run, as far as identity-manager-manage counts on it.

python systemd_run.py CREDENTIALS CODE OPTION... COMMAND...
"""

import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def expanded(word: str, environment: dict[str, str]) -> str:
    """As systemd does inside of words: by its own values, and by nothing where the name is none."""
    braced = re.compile(r"\$(?:(\$)|\{([^}:]*)\})")
    return braced.sub(lambda match: match[1] or environment.get(match[2], ""), word)


def load(credential: str, folder: Path) -> None:
    """A folder's files get its name before theirs."""
    name, source = credential.split(":", 1)
    files = sorted(Path(source).iterdir()) if Path(source).is_dir() else [Path(source)]
    for file in files:
        shutil.copy(file, folder / (f"{name}_{file.name}" if Path(source).is_dir() else name))


@contextmanager
def bound(source: str, place: str) -> Iterator[None]:
    """A folder seen at another place, which must be there. Others must not come to the source."""
    if not source:
        yield
        return
    assert stat.S_IMODE(Path(source).parent.stat().st_mode) == 0o700
    Path(place).rmdir()
    Path(place).symlink_to(source)
    yield
    Path(place).unlink()
    Path(place).mkdir(0o700)


def main(credentials: str, code: str, *words: str) -> int:
    options = [word.removeprefix("--") for word in words[: words.index("sh")]]
    command = words[len(options) :]
    # What the caller has in its environment does not come along.
    environment = {"PATH": os.environ["PATH"], "CREDENTIALS_DIRECTORY": credentials}
    properties: dict[str, list[str]] = {}
    Path(credentials).mkdir()
    for option in options:
        kind, _equals, value = option.partition("=")
        name, _equals, rest = value.partition("=")
        if kind == "setenv":
            environment[name] = rest
        elif kind == "property":
            properties.setdefault(name, []).append(rest)
    for credential in properties["LoadCredential"]:
        load(credential, Path(credentials))
    (binding,) = properties.get("BindPaths") or [":"]
    assert properties.get("ReadWritePaths", [""]) == [environment["RINGS"]]
    with bound(*binding.split(":")):
        command = tuple(expanded(word, environment) for word in command)
        return _run(command, environment, code, at_a_terminal="pty" in options and "pipe" not in options)


def _run(command: tuple[str, ...], environment: dict[str, str], code: str, *, at_a_terminal: bool) -> int:
    """A terminal of its own mixes errors with what is said, and ends lines in its way."""
    if not at_a_terminal:
        return subprocess.run(command, env=environment, cwd=code, check=False).returncode
    ended = subprocess.run(
        command, env=environment, cwd=code, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    sys.stdout.buffer.write(ended.stdout.replace(b"\n", b"\r\n"))
    return ended.returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
