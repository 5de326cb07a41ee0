"""The image's description: what a linter says of it, whom it runs as, what it holds."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.source import ROOT
from tests.deploy import commands, composition, dockerfile


def lint(path: Path) -> str:
    """What hadolint says; it comes with the environment of the tests."""
    program = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    assert program is not None
    return subprocess.run([program, "--no-color", path], capture_output=True, text=True, check=False).stdout


def last(word: str) -> list[str]:
    """Instructions of the stage that becomes the image."""
    return [each.rest for each in dockerfile.instructions() if (each.stage, each.word) == ("", word)]


def test_the_linter_has_nothing_to_say() -> None:
    assert lint(dockerfile.DOCKERFILE) == ""


def test_the_linter_looks(tmp_path: Path) -> None:
    broken = tmp_path / "Dockerfile"
    broken.write_text(f"{dockerfile.DOCKERFILE.read_text()}RUN cd /opt && sudo pip install django\n")
    assert lint(broken)


def test_it_runs_as_a_user_of_its_own() -> None:
    assert last("USER") == ["10001:10001"]
    order = [each.word for each in dockerfile.instructions() if each.stage == ""]
    assert order.index("USER") > max(place for place, word in enumerate(order) if word in ("RUN", "COPY"))


def test_packages_come_by_their_hashes() -> None:
    (install,) = [each.rest for each in dockerfile.instructions() if "pip " in each.rest]
    assert "--require-hashes" in install
    assert "--only-binary :all:" in install


def test_a_build_chooses_the_lock() -> None:
    """That of production, unless it is told: what else is built for the composition is built again by it."""
    lines = [(each.word, each.rest) for each in dockerfile.instructions() if each.stage == "packages"]
    assert lines.index(("ARG", "LOCK=prod")) < lines.index(
        ("COPY", "requirements/${LOCK}.lock /build/packages.lock")
    )
    assert "--requirement /build/packages.lock" in dict(lines)["RUN"]
    for told, lock in ({}, "prod"), ({"LOCK": "full"}, "full"):
        services = composition.load({**composition.sample(), **told})["services"]
        for name, service in composition.of_product(services).items():
            assert service["build"]["args"]["LOCK"] == lock, name
        assert dockerfile.in_context(f"requirements/{lock}.lock")


def test_its_settings_are_real_and_no_secret_is_among_them() -> None:
    names = {pair.partition("=")[0] for line in last("ENV") for pair in line.split()}
    own = {name for name in names if name not in {"PATH", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"}}
    assert commands.unknown_settings(own) == set()
    assert not [name for name in names if re.search("SECRET|KEY|PASSWORD|URL", name)]


def test_the_last_stage_copies_nothing_from_the_source_itself() -> None:
    """What was made on the way, such as the key of the build, stays behind."""
    assert len(last("COPY")) == 3
    assert all(re.match(r"--from=(packages|product) /opt/", line) for line in last("COPY"))


def test_the_image_gets_the_product_and_nothing_else() -> None:
    found = {str(path.relative_to(ROOT)) for path, _target in dockerfile.copied("product")}
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout
    tops = (
        "identity_manager/",
        "selfservice/",
        "ca_bridge/",
        "templates/",
        "locale/",
        "docs/",
        "manage.py",
        "LICENSE",
    )
    product = {name for name in listed.splitlines() if name.startswith(tops)}
    if listed:  # a copy of the source without its history is as good
        assert product - found == set()
    assert len(found) > 500
    assert not [name for name in found if name.endswith((".pyc", ".mo")) or not name.startswith(tops)]


@pytest.mark.parametrize(
    ("path", "seen"),
    [
        ("identity_manager/config/settings.py", True),
        ("requirements/prod.lock", True),
        ("requirements/full.lock", True),
        ("requirements/dev.lock", False),
        ("identity_manager/__pycache__/apps.cpython-313.pyc", False),
        ("locale/de/LC_MESSAGES/django.mo", False),
        ("var/secrets/secret-key", False),
        ("deploy/compose/secrets/secret-key", False),
        ("deploy/compose/.env", False),
        (".git/config", False),
        ("tests/conftest.py", False),
    ],
)
def test_what_the_builder_sees(path: str, *, seen: bool) -> None:
    assert dockerfile.in_context(path) is seen
