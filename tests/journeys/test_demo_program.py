"""`make demo`: starts a system of its own, walks both ways over HTTP, opens every file by openssl, stops."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tools import migrated
from tests.tools.running import free_port

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.nightly
@pytest.mark.needs_program("openssl")
def test_it_opens_what_it_asked_for(tmp_path: Path) -> None:
    port = free_port()
    environment = {
        name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR")
    } | {"VAR_DIR": str(tmp_path), "SECRETS_DIR": str(tmp_path / "secrets"), "HTTP_PORT": str(port)}
    make_secrets = [sys.executable, "-m", "identity_manager.config.secret_files"]
    subprocess.run(make_secrets, cwd=ROOT, env=environment, check=True, timeout=60)
    migrated.copied_if_kept(tmp_path / "data" / "db.sqlite3")

    report = tmp_path / "report.json"
    done = subprocess.run(
        [sys.executable, "manage.py", "demo", "-n", "1", "--json", str(report)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.rstrip().endswith("opened 4 of 4")
    content = json.loads(report.read_text())
    assert [journey["flow"] for journey in content["journeys"]] == ["standard", "option"]
    assert all(journey["error"] == "" for journey in content["journeys"])
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0, "something is left running"
