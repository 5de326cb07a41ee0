"""Fill .venv with exactly what a lock names, by plain pip. Needs nothing but Python's standard library.

    python3 requirements/install.py prod|dev

Does nothing when .venv holds that lock already. An old Python runs it far enough to hear that it is too old.
"""

import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
# What prod.lock names, dev.lock names too, at the same version.
COVERED_BY = {"prod": ("prod", "dev"), "dev": ("dev",)}
# pip takes one package after the other, on one processor: two of them take half of the time.
PROCESSES = 2
MISSING = """
import sys
from importlib.metadata import PackageNotFoundError, version
from pip._vendor.packaging.requirements import Requirement
for line in sys.stdin.read().splitlines():
    wanted = Requirement(line)
    if wanted.marker is None or wanted.marker.evaluate():
        try:
            found = version(wanted.name)
        except PackageNotFoundError:
            found = ""
        if found not in wanted.specifier:
            print(wanted.name)
"""


def lock_file(name):
    return ROOT / "requirements" / f"{name}.lock"


def stamp_text(name):
    """What the stamp says when .venv is in order: the lock's hash and the Python that made .venv."""
    base = (VENV / "pyvenv.cfg").read_text(encoding="utf-8") if VENV.exists() else ""
    return hashlib.sha256(lock_file(name).read_bytes() + base.encode()).hexdigest()


def stamp_file(name):
    return VENV / f"installed-{name}"


def is_stamped(name):
    stamp = stamp_file(name)
    return stamp.exists() and stamp.read_text(encoding="utf-8") == stamp_text(name)


def entries(name):
    """Each package of the lock: its name, version and condition, and its hashes on lines of their own."""
    text = lock_file(name).read_text(encoding="utf-8")
    return re.findall(r"^[A-Za-z0-9](?:.*\\\n)*.*$", text, re.MULTILINE)


def portions(name):
    """The lock in as many parts as processes install it, as requirements files."""
    return ["".join(f"{entry}\n" for entry in entries(name)[first::PROCESSES]) for first in range(PROCESSES)]


def missing_packages(name):
    """The packages of the lock that .venv lacks or holds at another version."""
    lines = "\n".join(entry.splitlines()[0].rstrip(" \\") for entry in entries(name))
    outcome = subprocess.run(  # noqa: S603 our own interpreter and a constant program
        [str(PYTHON), "-c", MISSING], input=lines, capture_output=True, text=True, check=False
    )
    return outcome.stdout.split() if outcome.returncode == 0 else ["pip"]


def environment_runs():
    """Whether .venv has an interpreter that still starts (its Python may have been removed)."""
    command = [str(PYTHON), "-c", "import pip"]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0  # noqa: S603 as above
    except OSError:
        return False


def create_environment():
    print(f"Making {VENV.name} with Python {sys.version.split()[0]}.")
    if VENV.exists():
        shutil.rmtree(VENV)
    try:
        venv.create(VENV, with_pip=True)
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(
            f"Python's venv module cannot make {VENV.name}: {error}.\n"
            "On Debian and Ubuntu install it with: apt-get install python3-venv"
        )


def install(name):
    print(f"Installing requirements/{name}.lock into {VENV.name}; the first time takes a minute.", flush=True)
    command = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    # A lock names all that its packages need, so each part is whole without the other.
    command += ["--no-deps", "--require-hashes", "--only-binary", ":all:"]
    with tempfile.TemporaryDirectory() as folder:
        started = []
        for number, portion in enumerate(portions(name)):
            part = Path(folder) / f"{name}-{number}.txt"
            part.write_text(portion, encoding="utf-8")
            started.append(subprocess.Popen([*command, "-r", str(part)]))  # noqa: S603 pip of our own environment
        statuses = [process.wait() for process in started]
    if any(statuses):
        sys.exit(f"requirements/{name}.lock could not be installed; what pip says stands above.")
    stamp_file(name).write_text(stamp_text(name), encoding="utf-8")


def main(name):
    if sys.version_info < (3, 11):  # noqa: UP036 this file is what tells the owner of an older Python
        sys.exit(f"Python 3.11 or newer is needed; {sys.executable} is {sys.version.split()[0]}.")
    if name not in COVERED_BY:
        sys.exit("Name the lock: prod or dev.")
    if not environment_runs():
        create_environment()
    if any(is_stamped(covering) for covering in COVERED_BY[name]):
        missing = missing_packages(name)
        if not missing:
            return
        print(f"Missing from {VENV.name}: {', '.join(missing)}.")
    install(name)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")
