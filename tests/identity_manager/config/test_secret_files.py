"""The secrets of the embedded mode: for their owner alone, and never made twice."""

import base64
import os
import subprocess
import sys
from pathlib import Path

from identity_manager.config import checks, env, secret_files

NAMES = {
    "secret-key",
    "kek-private-keys",
    "kek-passphrases",
    "kek-other",
    "kek-archive",
    "kek-recovery-keys",
    "kek-share-transport",
    "audit-keys",
    "audit-signing-keys",
    "ca-corporate-passphrase",
    "ca-corporate-ocsp-passphrase",
}


def test_each_secret_has_a_file_for_its_owner_alone(tmp_path: Path) -> None:
    where = tmp_path / "deep" / "secrets"
    old = os.umask(0)
    try:
        made = secret_files.make(where)
    finally:
        os.umask(old)

    assert {path.name for path in made} == {path.name for path in where.iterdir()} == NAMES
    assert where.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in made} == {0o600}


def test_what_is_there_stays(tmp_path: Path) -> None:
    secret_files.make(tmp_path)
    (tmp_path / "kek-other").unlink()
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    made = secret_files.make(tmp_path)

    assert [path.name for path in made] == ["kek-other"]
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.name in before} == before


def test_the_settings_read_what_was_made(tmp_path: Path) -> None:
    secret_files.make(tmp_path)

    rings = [env.key_ring("UNSET", tmp_path / name) for name in NAMES if name.startswith("kek-")]

    keys = [base64.b64decode(key) for ring in rings for key in ring.values()]
    assert [len(key) for key in keys] == [32] * 6
    assert len(set(keys)) == 6
    assert len(env.secret_file("UNSET", tmp_path / "secret-key")) >= checks.SECRET_KEY_LENGTH


def test_a_place_that_cannot_be_written_is_said_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    outcome = subprocess.run(
        [sys.executable, "-m", "identity_manager.config.secret_files"],
        env={**os.environ, "SECRETS_DIR": str(tmp_path / "file" / "secrets")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome.returncode == 1
    assert outcome.stderr.startswith("The secrets cannot be written to ")
    assert outcome.stderr.count("\n") == 1
