"""Commands on a plain machine: manage.py finds the secrets of a worker, and can change keys of root."""

import os
import re
import subprocess
import sys
from functools import reduce
from pathlib import Path
from typing import Any

import pytest

from tests.deploy import systemd_run, units

pytestmark = pytest.mark.long
NIGHTLY = pytest.mark.nightly

# What manage.py does, as far as the scripts count on it.
MANAGE = r"""#!/bin/sh
set -eu
shift
[ -s "$KEYS_PRIVATE_KEYS_FILE" ] && [ -s "$KEYS_PASSPHRASES_FILE" ]
[ -s "$AUDIT_KEYS_FILE" ] && [ -s "$AUDIT_SIGNING_KEYS_FILE" ]
if [ "$1" = create_officer ]; then echo "$2 $3"; cat "$5"; exit 0; fi
if [ "$1" = noisy ]; then echo aside >&2; fi
if [ "$1" = rotate_keys ]; then echo "$@" > "$KEYS_OTHER_FILE.2"; else echo "$1 $KEYS_OTHER_FILE"; fi
exit STATUS
"""


def plain_machine(
    folder: Path, secrets: Path, name: str, *arguments: str, status: int = 0, text: bool = True
) -> subprocess.CompletedProcess[Any]:
    """What the script does on a machine below a folder."""
    programs, code = folder / "bin", folder / "code"
    (code / ".venv" / "bin").mkdir(parents=True)
    programs.mkdir()
    places = {
        "/etc/identity-manager/secrets": str(secrets),
        "/run/identity-manager": f"{folder}/run/identity-manager",
    }
    scripts = {
        path.name: path.read_text() for path in units.FOLDER.glob("identity-manager-*[!.]*") if path.is_file()
    }
    scripts = {name: content for name, content in scripts.items() if "." not in name}
    stand_in = f'{sys.executable} {systemd_run.__file__} {folder}/credentials {code} "$@"'
    written = {
        **{programs / script: content for script, content in scripts.items()},
        programs / "systemd-run": f"#!/bin/sh\nexec {stand_in}\n",
        programs / "chown": f'#!/bin/sh\necho "$@" >> {folder}/handed-over\n',
        code / ".venv" / "bin" / "python": MANAGE.replace("STATUS", str(status)),
    }
    for path, content in written.items():
        here = reduce(lambda before, pair: before.replace(*pair), places.items(), content)
        path.write_text(here)
        path.chmod(0o755)
    command = [str(programs / name), *arguments]
    environment = {"PATH": f"{programs}:{os.environ['PATH']}"}
    return subprocess.run(command, env=environment, check=False, capture_output=True, text=text)


def test_keys_are_changed_where_the_rings_are_root_s(tmp_path: Path) -> None:
    """What the command makes lies beside the rings afterwards; what it was given to read stays as it was."""
    place = units.make_secrets(tmp_path / "secrets")
    (tmp_path / "run").mkdir()
    before = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    outcome = plain_machine(tmp_path, place, "identity-manager-rotate-keys", "--wait", "60")
    after = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    made = {str(path.relative_to(place)): content for path, content in after.items() if path not in before}
    assert made == {"rings/other/kek-other.2": b"rotate_keys --wait 60\n"}
    assert {path: after[path] for path in before} == before
    assert (place / "rings/other/kek-other.2").stat().st_mode & 0o777 == 0o600
    assert (outcome.returncode, outcome.stdout) == (0, f"New: {place}/rings/other/kek-other.2\n")
    left = [path.relative_to(tmp_path) for path in (tmp_path / "run").rglob("*")]
    assert left == [Path("run/identity-manager-rings")], "no copy of the keys is left"


def test_a_key_that_was_made_before_another_failed_is_not_lost(tmp_path: Path) -> None:
    """The audit log has it. That the command failed is told all the same."""
    place = units.make_secrets(tmp_path / "secrets")
    (tmp_path / "run").mkdir()
    outcome = plain_machine(tmp_path, place, "identity-manager-rotate-keys", "--wait", "60", status=3)
    assert (outcome.returncode, outcome.stdout) == (3, f"New: {place}/rings/other/kek-other.2\n")
    assert (place / "rings/other/kek-other.2").read_text() == "rotate_keys --wait 60\n"
    assert [path for path in (tmp_path / "run").rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("option", ["--tend", "--te"])
def test_no_key_is_destroyed_in_a_copy_alone(tmp_path: Path, option: str) -> None:
    """The audit log would say so of a key that is still there."""
    place = units.make_secrets(tmp_path / "secrets")
    (tmp_path / "run").mkdir()
    outcome = plain_machine(tmp_path, place, "identity-manager-rotate-keys", "--wait", "5", option)
    assert outcome.returncode == 2
    assert f"shred -u its file in {place}/rings" in outcome.stderr
    assert list((tmp_path / "run").iterdir()) == []
    assert not (tmp_path / "credentials").exists(), "nothing was run"


def test_the_copies_of_the_rings_lie_where_root_alone_comes(tmp_path: Path) -> None:
    """The web process is the same user as the command; what was copied is handed over, not the way to it."""
    place = units.make_secrets(tmp_path / "secrets")
    (tmp_path / "run").mkdir()
    plain_machine(tmp_path, place, "identity-manager-rotate-keys")
    handed_over = (tmp_path / "handed-over").read_text()
    folder = re.escape(f"{tmp_path}/run/identity-manager-rings.")
    assert re.fullmatch(rf"-R identity-manager:identity-manager {folder}\w{{6}}/rings\n", handed_over)


def test_another_command_finds_rings_that_it_cannot_write_to(tmp_path: Path) -> None:
    place = units.make_secrets(tmp_path / "secrets")
    outcome = plain_machine(tmp_path, place, "identity-manager-manage", "doctor")
    assert outcome.stdout == f"doctor {tmp_path}/credentials/other_kek-other\n"


@pytest.mark.parametrize("option", ["--password-file", pytest.param("--from-file", marks=NIGHTLY)])
@pytest.mark.parametrize("form", ["{option} {file}", pytest.param("{option}={file}", marks=NIGHTLY)])
@pytest.mark.parametrize("named", ["by its path", pytest.param("from the folder", marks=NIGHTLY)])
def test_a_file_that_root_alone_reads_comes_as_a_credential(
    tmp_path: Path, option: str, form: str, named: str
) -> None:
    """The sandbox of the command sees neither /root nor /home."""
    place = units.make_secrets(tmp_path / "secrets")
    file = tmp_path / "of root"
    file = file if named == "by its path" else Path(os.path.relpath(file))
    file.write_text("correct horse battery\n")
    words = form.format(option=option, file="FILE").split(" ")
    given = [word.replace("FILE", str(file)) for word in words]
    outcome = plain_machine(
        tmp_path, place, "identity-manager-manage", "create_officer", *given, "--username", "ada"
    )
    assert outcome.stdout == "--username ada\ncorrect horse battery\n", outcome.stderr


@pytest.mark.parametrize(
    "words", [["--password-file"], ["--password-file", "/nowhere"], ["--from-file=/etc"]]
)
def test_a_file_that_is_none_is_refused_at_once(tmp_path: Path, words: list[str]) -> None:
    place = units.make_secrets(tmp_path / "secrets")
    outcome = plain_machine(tmp_path, place, "identity-manager-manage", "create_officer", *words)
    assert outcome.returncode == 2
    assert words[0].partition("=")[0] in outcome.stderr
    assert not (tmp_path / "credentials").exists(), "nothing was run"


def test_what_a_command_says_can_be_piped(tmp_path: Path) -> None:
    """`identity-manager-manage doctor --json | jq`: no lines of a terminal, and errors beside it."""
    place = units.make_secrets(tmp_path / "secrets")
    outcome = plain_machine(tmp_path, place, "identity-manager-manage", "noisy", text=False)
    assert (outcome.stdout.count(b"\r"), outcome.stderr) == (0, b"aside\n")


def test_systemd_leaves_alone_what_the_shell_inside_expands() -> None:
    """Of braces after a $ it would make something else, or nothing."""
    text = (units.FOLDER / "identity-manager-manage").read_text(encoding="utf-8")
    (inner,) = re.findall(r"sh -euc '(.*?)'", text, re.DOTALL)
    assert "$RINGS/" in inner
    assert systemd_run.expanded(inner, {}) == inner
    assert "${" not in inner
    assert (
        systemd_run.expanded('[ -n "${RINGS-}" ] "$RINGS" ${RINGS}', {"RINGS": "/a"})
        == '[ -n "" ] "$RINGS" /a'
    )
