"""`make release`: the files of a release of this commit, in var/release/VERSION.

    python deploy/release.py [--signing-key FILE]

    identity-manager-VERSION.tar.gz   what git holds of this commit; the same bytes on each machine
    sbom.json                         CycloneDX 1.6: each package with version, licence, hashes, its needs
    pip-audit.json                    which packages have known vulnerabilities
    prod.lock full.lock performance.json
    SHA256SUMS [SHA256SUMS.sig]       of all of these, written last

Ends non-zero with a sentence, and without SHA256SUMS, where the working tree has changes, version numbers
differ, the version is released already, the CHANGELOG has no dated heading of it, no figures are kept for it,
a package has a known vulnerability, or the audit could not ask. Needs git, ssh-keygen for a signature, and a
package index.
"""

import argparse
import gzip
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tomllib
import venv
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "requirements"
FIGURES = ROOT / "tests" / "performance" / "releases"
RECORDED = ROOT / "tests" / "upgrade" / "releases.toml"
NAMESPACE = "identity-manager"  # of ssh-keygen: who verifies says the same
LOCKED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*])?==(\S+)((?:[^\n]*\\\n)*[^\n]*)$", re.MULTILINE)
HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


class ReleaseError(Exception):
    """There is no release; the text says why, in a sentence."""


def main() -> None:
    parser = argparse.ArgumentParser(description="The files of a release of this commit.")
    parser.add_argument(
        "--signing-key", type=Path, help="SSH key for SHA256SUMS; ssh-keygen asks for its passphrase"
    )
    options = parser.parse_args()
    try:
        made = release(options.signing_key)
    except ReleaseError as error:
        sys.exit(f"No release: {error}")
    print(f"The release is in {made.relative_to(ROOT)}.")


def release(signing_key: Path | None) -> Path:
    """Make the files; returns their directory. Raises ReleaseError."""
    version = agreed_version(ROOT)
    refuse_released(version, run("git", "rev-parse", "HEAD").strip())
    refuse_changes()
    figures = FIGURES / f"{version}.json"
    if not figures.exists():
        raise ReleaseError(f"no figures are kept for {version}; CONTRIBUTING.md says how (Releases).")
    place = ROOT / "var" / "release" / version
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    archive(place / f"identity-manager-{version}.tar.gz", f"identity-manager-{version}/")
    shutil.copy(figures, place / "performance.json")
    for name in ("prod", "full"):
        shutil.copy(REQUIREMENTS / f"{name}.lock", place)
    tools = environment(place.parent / "tools", "release")
    write_sbom(tools, place)
    audit(tools, place / "pip-audit.json")
    write_sums(place, signing_key)
    return place


def agreed_version(root: Path) -> str:
    """The version on which all files that name one agree. Raises ReleaseError."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    version: str = project["version"]
    named = re.escape(version)
    expected = {
        "deploy/helm/identity-manager/Chart.yaml": rf"^version: {named}$(?s:.*)^appVersion: {named}$",
        "deploy/compose/compose.yaml": rf"identity-manager:{named}\}}",
        "identity_manager/installation.py": rf'^VERSION = "{named}"',
        "CHANGELOG.md": rf"^## {named} \(\d{{4}}-\d\d-\d\d\)$",
    }
    for name, pattern in expected.items():
        if not re.search(pattern, (root / name).read_text(encoding="utf-8"), re.MULTILINE):
            raise ReleaseError(f"{name} does not name version {version} as pyproject.toml does.")
    return version


def refuse_released(version: str, commit: str) -> None:
    """A version names one commit for ever. Raises ReleaseError."""
    for recorded in tomllib.loads(RECORDED.read_text(encoding="utf-8"))["release"]:
        if recorded["version"] == version and recorded["commit"] != commit:
            raise ReleaseError(f"{version} is released already, as another commit; choose the next version.")


def refuse_changes() -> None:
    """An archive has what is committed; whoever makes it must not believe that it has more."""
    if run("git", "status", "--porcelain").strip():
        raise ReleaseError("the working tree has changes that are not committed.")


def archive(out: Path, prefix: str) -> None:
    """Without a time in the header of gzip, so that the same commit gives the same bytes."""
    command = ["git", "archive", f"--prefix={prefix}", "HEAD"]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE)  # noqa: S603 constant
    content = done.stdout
    out.write_bytes(gzip.compress(content, mtime=0))


def environment(place: Path, lock: str) -> Path:
    """A fresh environment of what the lock names, without pip in it; returns its directory."""
    shutil.rmtree(place, ignore_errors=True)
    venv.create(place, with_pip=False)
    options = ("--quiet", "--disable-pip-version-check", "--require-hashes", "--only-binary", ":all:")
    pip = (sys.executable, "-m", "pip", "--python", str(place / "bin" / "python"), "install", *options)
    run(*pip, "-r", str(REQUIREMENTS / f"{lock}.lock"))
    return place


def write_sbom(tools: Path, place: Path) -> None:
    """Packages of the production lock. An environment has no hashes of them, the lock has."""
    product = environment(tools.parent / "product", "prod")
    command = (str(tools / "bin" / "cyclonedx-py"), "environment", "--output-reproducible")
    project = ("--pyproject", str(ROOT / "pyproject.toml"))
    sbom = json.loads(run(*command, *project, str(product)))
    add_hashes(sbom, (REQUIREMENTS / "prod.lock").read_text(encoding="utf-8"))
    text = json.dumps(sbom, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    (place / "sbom.json").write_text(text, encoding="utf-8")


def add_hashes(sbom: dict[str, Any], lock: str) -> None:
    """Give each component the SHA-256 values of its files, of which pip installs one. Raises ReleaseError."""
    locked = {(canonical(name), version): HASH.findall(rest) for name, version, rest in LOCKED.findall(lock)}
    for component in sbom["components"]:
        hashes = locked.get((canonical(component["name"]), component["version"]))
        if not hashes:
            raise ReleaseError(f"{component['name']} {component['version']} is installed and in no lock.")
        files = [{"alg": "SHA-256", "content": each} for each in hashes]
        reference = {"type": "distribution", "url": component["purl"], "hashes": files}
        component.setdefault("externalReferences", []).append(reference)


def canonical(name: str) -> str:
    """The name of a package as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def audit(tools: Path, out: Path) -> None:
    """Ask for known vulnerabilities of each package. Raises ReleaseError, also where nobody could be asked.

    Without --strict pip-audit ends with 0 where it could not ask.
    """
    command = [str(tools / "bin" / "pip-audit"), "--strict", "--disable-pip", "--require-hashes"]
    command += ["--progress-spinner", "off", "--format", "json", "--output", str(out)]
    command += ["--requirement", str(REQUIREMENTS / "prod.lock")]
    done = subprocess.run(command, cwd=ROOT, check=False)  # noqa: S603 constant arguments
    if done.returncode or not out.exists():
        raise ReleaseError("pip-audit found a vulnerability or could not ask; what it says stands above.")


def write_sums(place: Path, signing_key: Path | None) -> None:
    """SHA256SUMS as `sha256sum --check` reads it, and its signature as `ssh-keygen -Y verify` does."""
    lines = [
        f"{hashlib.sha256(each.read_bytes()).hexdigest()}  {each.name}\n" for each in sorted(place.iterdir())
    ]
    sums = place / "SHA256SUMS"
    sums.write_text("".join(lines), encoding="utf-8")
    if signing_key is not None:
        run("ssh-keygen", "-Y", "sign", "-n", NAMESPACE, "-f", str(signing_key), str(sums))


def run(*command: str) -> str:
    """Standard output of the command. Raises ReleaseError; the command's standard error is passed through."""
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)  # noqa: S603 as above
    if done.returncode:
        raise ReleaseError(f"{Path(command[0]).name} ended with {done.returncode}.")
    return done.stdout


if __name__ == "__main__":
    main()
