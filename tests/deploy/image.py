"""The image without an engine: its files alone, its packages alone, in a tree that cannot be written to.

The product's stage of the Dockerfile is carried out by the shell, with the paths of the image put under a
folder. An environment of its own holds what requirements/prod.lock names and nothing else. Root may write
everywhere, so there a process gets the capability taken away that lets it.
"""

import os
import re
import shutil
import subprocess
import venv
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement

from tests.architecture.source import ROOT
from tests.deploy import dockerfile

LOCK = ROOT / "requirements" / "prod.lock"
AS_ANYBODY = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all", "--")


class Image:
    """The image's file system below a folder; what is written elsewhere is told by `strays`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.code, self.packages = folder / "opt" / "identity-manager", folder / "opt" / "venv"

    def build(self) -> None:
        """Packages, files, and what the product's stage does with them; then nothing may be written."""
        make_environment(self.packages)
        for source, target in dockerfile.copied("product"):
            place = self.code / target
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, place)
        for instruction in dockerfile.instructions():
            if (instruction.stage, instruction.word) == ("product", "RUN"):
                self._carry_out(instruction.rest)
        for path in (self.folder / "opt", *(self.folder / "opt").rglob("*")):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode & ~0o222)
        self._made = self._state()

    def _carry_out(self, command: str) -> None:
        here = self.inside(command).replace("/tmp/build", f"{self.folder}/build")  # noqa: S108 the image's
        subprocess.run(["sh", "-euc", here], cwd=self.code, env={"PATH": os.environ["PATH"]}, check=True)

    def inside(self, text: str) -> str:
        """The text with paths of the image as they are here."""
        return re.sub(r"(?<![\w/])/opt/", f"{self.folder}/opt/", text)

    def environment(self) -> dict[str, str]:
        """What the image itself sets."""
        pairs = [
            pair.partition("=")
            for instruction in dockerfile.instructions()
            if (instruction.stage, instruction.word) == ("", "ENV")
            for pair in instruction.rest.split()
        ]
        return {name: self.inside(value) for name, _equals, value in pairs}

    def start(self, command: list[str], variables: dict[str, str], log: Path) -> "subprocess.Popen[bytes]":
        """A process of the image."""
        with log.open("ab") as output:
            return subprocess.Popen(
                [*(AS_ANYBODY if os.geteuid() == 0 else ()), *command],
                cwd=self.code,
                env={**self.environment(), "HOME": "/nonexistent", **variables},
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def strays(self) -> set[str]:
        """What has been written to the image, or to the home that its user has not."""
        home = {"/nonexistent"} if Path("/nonexistent").exists() else set()
        return {str(path) for path, _size in self._state() ^ self._made} | home

    def _state(self) -> set[tuple[Path, int]]:
        return {(path, path.lstat().st_size) for path in (self.folder / "opt").rglob("*")}

    def remove(self) -> None:
        """Give the right to write back, so that the folder can be deleted."""
        for path in (self.folder, *self.folder.rglob("*")):
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o700)


def make_environment(place: Path) -> None:
    """An environment with links to what the lock names, as it is installed here, and nothing else."""
    venv.create(place, symlinks=True)
    packages = next((place / "lib").glob("python*")) / "site-packages"
    found = list(locked())
    shared = _in_several(found)
    for each in found:
        for file in each.files or ():
            top = file.parts[0]
            if top == "..":
                _script(Path(str(file.locate())), place)
            else:
                _link(each, Path(*file.parts) if top in shared else Path(top), packages)


def locked() -> Iterator[Distribution]:
    """The installed distributions of the lock that this Python needs."""
    entries = re.findall(r"^[A-Za-z0-9][^\\\n#]*", LOCK.read_text(encoding="utf-8"), re.MULTILINE)
    for wanted in map(Requirement, entries):
        if wanted.marker is None or wanted.marker.evaluate():
            yield distribution(wanted.name)


def _in_several(found: list[Distribution]) -> set[str]:
    """Folders that several distributions share, such as those of namespaces."""
    tops = [{file.parts[0] for file in each.files or ()} for each in found]
    return {top for names in tops for top in names if sum(top in others for others in tops) > 1}


def _link(each: Distribution, name: Path, packages: Path) -> None:
    target = packages / name
    if not target.exists() and not target.is_symlink():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(Path(str(each.locate_file(name))).resolve())


def _script(source: Path, place: Path) -> None:
    """A program of bin, for the environment's own Python."""
    if source.parent.name != "bin" or not source.exists():
        return
    content = source.read_bytes()
    target = place / "bin" / source.name
    if content.startswith(b"#!"):
        target.write_bytes(f"#!{place}/bin/python\n".encode() + content.split(b"\n", 1)[1])
        target.chmod(0o755)
    elif not target.exists():
        target.symlink_to(source.resolve())
