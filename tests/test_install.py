"""What fills .venv: the lock, exactly; and what an operator hears when it cannot."""

import runpy
import sys
from importlib.metadata import requires, version
from pathlib import Path
from types import SimpleNamespace

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
LOCK = """\
django==5.2.19 \\
    --hash=sha256:00
no-such-package==1.0 \\
    --hash=sha256:00
only-elsewhere==1.0 ; sys_platform == 'nowhere' \\
    --hash=sha256:00
pip==0.1 \\
    --hash=sha256:00
"""


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The program's names, working on a lock of this test with this interpreter."""
    names = SimpleNamespace(**runpy.run_path(str(ROOT / "requirements" / "install.py")))
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "prod.lock").write_text(LOCK, encoding="utf-8")
    scope = names.main.__globals__
    monkeypatch.setitem(scope, "ROOT", tmp_path)
    monkeypatch.setitem(scope, "VENV", tmp_path)
    monkeypatch.setitem(scope, "PYTHON", Path(sys.executable))
    return names


def test_it_names_what_is_missing_or_of_another_version(program: SimpleNamespace) -> None:
    assert program.missing_packages("prod") == ["no-such-package", "pip"]


def test_each_package_is_in_one_part_with_its_hashes(program: SimpleNamespace) -> None:
    parts = program.portions("prod")
    assert len(parts) == 2
    assert sorted("".join(parts).splitlines()) == sorted(LOCK.splitlines())
    for part in parts:
        lines = part.splitlines()
        assert all("==" in line for line in lines[::2])
        assert all("--hash=" in line for line in lines[1::2])


def test_a_part_that_fails_leaves_no_stamp(
    program: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of the two processes of pip ends well, the other one does not."""
    (tmp_path / "pyvenv.cfg").write_text("version = 3.11.7\n", encoding="utf-8")
    pip = tmp_path / "pip"
    pip.write_text('#!/bin/sh\nfor last; do :; done\n! grep -q no-such-package "$last"\n', encoding="utf-8")
    pip.chmod(0o755)
    monkeypatch.setitem(program.main.__globals__, "PYTHON", pip)
    with pytest.raises(SystemExit, match=r"requirements/prod\.lock could not be installed"):
        program.install("prod")
    assert not program.stamp_file("prod").exists()


def test_the_stamp_knows_its_lock_and_its_python(program: SimpleNamespace, tmp_path: Path) -> None:
    (tmp_path / "pyvenv.cfg").write_text("version = 3.11.7\n", encoding="utf-8")
    assert not program.is_stamped("prod")
    program.stamp_file.__globals__["stamp_file"]("prod").write_text(
        program.stamp_text("prod"), encoding="utf-8"
    )
    assert program.is_stamped("prod")

    (tmp_path / "pyvenv.cfg").write_text("version = 3.13.5\n", encoding="utf-8")
    assert not program.is_stamped("prod")


def test_an_old_python_is_refused_by_its_version(
    program: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = SimpleNamespace(
        version_info=(3, 9, 2), version="3.9.2 (old)", executable="/usr/bin/python3", exit=sys.exit
    )
    monkeypatch.setitem(program.main.__globals__, "sys", old)
    with pytest.raises(SystemExit, match=r"^Python 3\.11 or newer is needed; /usr/bin/python3 is 3\.9\.2\.$"):
        program.main("prod")


def test_the_test_lock_holds_the_production_lock() -> None:
    """Else what is tested is not what runs. What a linter needs everywhere may lose its condition."""
    locked = {name: _entries(name) for name in ("prod", "dev")}
    unconditional = {entry for entry in locked["dev"] if " ; " not in entry}
    gone = locked["prod"] - locked["dev"]
    assert {entry.partition(" ; ")[0] for entry in gone} <= unconditional


@pytest.mark.parametrize("name", ["prod", "dev"])
def test_a_lock_names_all_that_its_packages_need(name: str) -> None:
    """They are installed without a look at what they need (--no-deps): a gap would show at an import."""
    wanted = [Requirement(entry) for entry in _entries(name)]
    locked = {canonicalize_name(each.name): each for each in wanted if _applies(each)}
    assert len(locked) > 20
    needs = [(each, need) for each in locked for need in _needs(each)]
    assert [pair for pair in needs if canonicalize_name(pair[1].name) not in locked] == []
    assert [pair for pair in needs if version(pair[1].name) not in pair[1].specifier] == []


def _needs(name: str) -> list[Requirement]:
    """What the installed package needs here, without its extras."""
    return [need for line in requires(name) or [] if _applies(need := Requirement(line))]


def _applies(requirement: Requirement) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": ""})


def test_a_lock_names_no_registry() -> None:
    for name in ("prod", "dev"):
        assert "://" not in (ROOT / "requirements" / f"{name}.lock").read_text(encoding="utf-8")


def _entries(name: str) -> set[str]:
    text = (ROOT / "requirements" / f"{name}.lock").read_text(encoding="utf-8")
    return {line.rstrip(" \\") for line in text.splitlines() if line[:1].isalnum()}
