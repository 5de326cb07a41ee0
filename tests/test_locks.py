"""The locks: one version of each package, whichever of them is installed, and what each promises."""

import re
import tomllib
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
IN_FULL = ("hsm", "otel", "sentry")


def entries(name: str) -> dict[str, str]:
    """What the lock says of each package: version and hashes."""
    text = (ROOT / "requirements" / f"{name}.lock").read_text(encoding="utf-8")
    found = re.findall(r"^[A-Za-z0-9].*(?:\n .*)*", text, re.MULTILINE)
    return {canonicalize_name(pinned(entry).name): entry for entry in found}


def pinned(entry: str) -> Requirement:
    return Requirement(entry.partition("\\")[0].strip())


def test_full_is_that_of_production_and_more() -> None:
    full = entries("full")
    assert {name: full.get(name) for name in entries("prod")} == entries("prod")


@pytest.mark.parametrize("name", ["prod", "full"])
def test_development_has_the_same_versions(name: str) -> None:
    """With the same hashes; only on which machines one is wanted may differ."""
    dev = entries("dev")
    for package, entry in entries(name).items():
        assert pinned(dev[package]).specifier == pinned(entry).specifier
        hashes = [set(re.findall(r"--hash=\S+", each)) for each in (dev[package], entry)]
        assert hashes[0] == hashes[1] != set()


@pytest.mark.parametrize("extra", IN_FULL)
def test_full_has_what_the_extras_need(extra: str) -> None:
    """They themselves, and all that these depend on, as installed here."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    full, seen = entries("full"), set()
    wanted = [Requirement(line) for line in project["optional-dependencies"][extra]]
    while wanted:
        requirement = wanted.pop()
        name = canonicalize_name(requirement.name)
        assert name in full, f"{extra} needs {name}"
        assert next(iter(pinned(full[name]).specifier)).version in requirement.specifier, name
        if name not in seen:
            seen.add(name)
            wanted += needed_by(name, requirement.extras)


def needed_by(name: str, extras: set[str]) -> list[Requirement]:
    found = [Requirement(line) for line in distribution(name).requires or []]
    asked_for = extras or {""}
    return [
        each
        for each in found
        if each.marker is None or any(each.marker.evaluate({"extra": extra}) for extra in asked_for)
    ]
