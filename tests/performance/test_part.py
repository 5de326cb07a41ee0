"""A part can be run by itself, from a shell that knows of no installation."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.performance import part, place


@pytest.mark.nightly
def test_a_part_makes_an_installation_where_none_is_named(tmp_path: Path) -> None:
    """As a shell would have it: none of what the tests have set for themselves."""
    done = subprocess.run(
        part.command("filter_signs.measured", persons=200),
        cwd=place.ROOT,
        env={name: os.environ[name] for name in place.KEPT if name in os.environ} | {"TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "ms in the index" in done.stdout
    assert list(tmp_path.glob("im-part-*")) == []
