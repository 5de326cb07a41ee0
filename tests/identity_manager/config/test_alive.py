"""The sign of life of workers and the beat, as a supervisor asks for it: by a program of its own."""

import os
import subprocess
import sys
import time
from pathlib import Path

from identity_manager.config.observability import liveness_file


def probe(var: Path, *arguments: str) -> int:
    command = [sys.executable, "-I", "-S", str(Path(liveness_file.__file__)), *arguments]
    return subprocess.run(command, env={"VAR_DIR": str(var)}, check=False).returncode


def age(path: Path, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(path, (then, then))


def test_nobody_has_been_here(tmp_path: Path) -> None:
    assert probe(tmp_path) == 1


def test_a_worker_is_alive_as_long_as_it_touches_its_file(tmp_path: Path) -> None:
    liveness_file.touch(tmp_path)
    assert probe(tmp_path) == 0
    age(tmp_path / "run" / liveness_file.FILE_NAME, 400)
    assert probe(tmp_path) == 1
    assert probe(tmp_path, "500") == 0


def test_a_place_that_cannot_be_written_to_ends_nobody(tmp_path: Path) -> None:
    """A worker does its work on a full disk, too; the probe then says what it sees."""
    (tmp_path / "run").write_text("no directory", encoding="utf-8")
    liveness_file.touch(tmp_path)
    assert probe(tmp_path) == 1
