"""A run reads the files that may have a test for it, no other one."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.tools import choosing
from tests.tools.choosing import ROOT, marks_of, may_choose

pytestmark = pytest.mark.nightly

POSTGRESQL = "database and not nightly and (long or long_on_postgresql)"
UNREAD = "raise ZeroDivisionError\n"
MARKED = "import pytest\n@pytest.mark.database\ndef test(): pass\n"
HIDDEN = "import pytest\nhide = getattr(pytest.mark, 'data' + 'base')\n@hide\ndef test(): pass\n"


def run(folder: Path, *arguments: str, **files: str) -> subprocess.CompletedProcess[str]:
    for name, text in files.items():
        place = folder / f"{name.replace('__', '/')}.py"
        place.parent.mkdir(exist_ok=True)
        place.write_text(text, encoding="utf-8")
    options = ("-c", "/dev/null", "-p", choosing.__name__, "--rootdir", str(folder))
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, *arguments],
        env={"PATH": "/usr/bin:/bin", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_has_no_such_mark_is_not_read(tmp_path: Path) -> None:
    unread = dict.fromkeys(("test_other", "apart__conftest", "apart__test_apart"), UNREAD)
    done = run(tmp_path, "-m", "database", str(tmp_path), test_marked=MARKED, **unread)
    assert "1 passed" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize(
    "arguments", [("-m", "not database"), ()], ids=["it may be chosen", "nobody chooses"]
)
def test_all_others_are(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = run(tmp_path, *arguments, str(tmp_path), test_marked=MARKED, test_other=UNREAD)
    assert "ZeroDivisionError" in done.stdout, done.stdout + done.stderr


def test_what_is_named_is_read(tmp_path: Path) -> None:
    done = run(tmp_path, "-m", "database", str(tmp_path / "test_other.py"), test_other=UNREAD)
    assert "ZeroDivisionError" in done.stdout, done.stdout + done.stderr


def test_a_mark_that_nobody_sees_ends_the_run(tmp_path: Path) -> None:
    done = run(tmp_path, str(tmp_path), test_hidden=HIDDEN)
    assert "where does it have its marks from? database" in done.stderr, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("marks", "outcome"),
    [
        ("", False),
        ("database", False),
        ("database long", True),
        ("database nightly long_on_postgresql", True),
        ("long nightly", False),
    ],
)
def test_some_of_the_marks_may_do(marks: str, outcome: bool) -> None:  # noqa: FBT001 a parameter
    assert may_choose(POSTGRESQL, frozenset(marks.split())) is outcome


def test_a_mark_that_is_not_ours_may_be_anywhere() -> None:
    assert may_choose("needs_program", frozenset())
    assert not may_choose("needs_program and long", frozenset())


@pytest.mark.parametrize(
    ("file", "marks"),
    [
        ("tests/browser/test_search.py", {"long", "nightly"}),  # of the conftest.py that it imports
        ("tests/ca_bridge/connectors/test_contract.py", {"database", "long", "long_on_postgresql"}),
        ("tests/identity_manager/targets/test_alt_security_identities.py", {"long"}),  # of another module
    ],
)
def test_marks_that_stand_elsewhere_are_known(file: str, marks: set[str]) -> None:
    assert marks_of(ROOT / file) >= marks
