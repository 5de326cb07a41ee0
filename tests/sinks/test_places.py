"""The files that are searched, while what owns them drops some."""

import os
from pathlib import Path
from typing import Any

import pytest

from tests.sinks.places import contents_below


def test_what_is_dropped_meanwhile_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that goes between its listing and its reading, and a directory that goes before its listing."""
    for name in ("base/1/kept", "base/1/dropped", "base/2/dropped too", "kept"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    listed = os.scandir

    def dropped_before(path: Any) -> Any:
        if Path(path) == tmp_path / "base/2":
            (tmp_path / "base/2/dropped too").unlink()
            (tmp_path / "base/2").rmdir()
        return listed(path)

    read = Path.is_file

    def dropped_after(path: Path) -> bool:
        there = read(path)
        if path.name == "dropped":
            path.unlink()
        return there

    monkeypatch.setattr(os, "scandir", dropped_before)
    monkeypatch.setattr(Path, "is_file", dropped_after)
    assert [content for _, content in contents_below(tmp_path)] == [b"base/1/kept", b"kept"]
