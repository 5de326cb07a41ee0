"""The recorded releases, and the code of each in a git worktree of its own."""

import subprocess
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.performance.place import ROOT

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Release:
    """A version that somebody may run.

    commit: whole.  program: what walks the road with its code.  gunicorn: its settings of gunicorn.
    """

    version: str
    commit: str
    program: str
    gunicorn: str

    @property
    def is_here(self) -> bool:
        """Whether its commit is in this clone: it is not in a shallow one."""
        command = ["git", "cat-file", "-e", f"{self.commit}^{{commit}}"]
        return subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode == 0

    @contextmanager
    def checked_out(self) -> Iterator[Path]:
        """The release's code, in a worktree that is removed afterwards."""
        with checked_out(self.commit) as place:
            yield place


@contextmanager
def checked_out(commit: str) -> Iterator[Path]:
    """The code of that commit, in a worktree that is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="im-release-") as directory:
        place = Path(directory) / "code"
        git("worktree", "add", "--quiet", "--detach", str(place), commit)
        try:
            yield place
        finally:
            git("worktree", "remove", "--force", str(place))


def git(*arguments: str) -> None:
    """Run git in this repository. Raises CalledProcessError."""
    subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True)


def recorded() -> list[Release]:
    """Oldest first."""
    text = (FOLDER / "releases.toml").read_text(encoding="utf-8")
    return [Release(**each) for each in tomllib.loads(text)["release"]]
