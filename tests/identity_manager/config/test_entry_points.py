"""Each way to start the product refuses settings that do not fit together, and then does not run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from gunicorn.config import Config

pytestmark = pytest.mark.long  # each starts a whole program
ROOT = Path(__file__).resolve().parent.parent.parent.parent
CELERY = ("-m", "celery", "--quiet", "--app", "identity_manager")
STARTS = {
    "gunicorn": ("-m", "gunicorn", "--config", "python:identity_manager.config.runtime.gunicorn"),
    "worker": (*CELERY, "worker", "--pool", "solo"),
    "beat": (*CELERY, "beat", "--pidfile", ""),
    "runserver": ("manage.py", "runserver", "--noreload", "0"),
    "run": ("manage.py", "run"),
    "wsgi": ("-c", "import identity_manager.config.wsgi"),
}
OTHERS = [name for name in STARTS if name not in {"gunicorn", "worker", "wsgi"}]


def start(name: str, tmp_path: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Start it with the secrets of this test run, in the embedded mode, on no port that anybody needs."""
    (tmp_path / "run").mkdir()
    places = {"VAR_DIR": str(tmp_path), "SECRETS_DIR": os.environ["SECRETS_DIR"], "HTTP_PORT": "1"}
    return subprocess.run(
        [sys.executable, *STARTS[name]],
        env={"PATH": os.environ["PATH"], **places, **variables},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    "name",
    ["gunicorn", "worker", "wsgi", *(pytest.param(name, marks=pytest.mark.nightly) for name in OTHERS)],
)
def test_a_demo_with_a_real_mail_server_does_not_start(name: str, tmp_path: Path) -> None:
    outcome = start(name, tmp_path, SMTP_HOST="mail.acme.net")
    assert outcome.returncode != 0
    assert "cannot run together with the mail server mail.acme.net" in outcome.stderr
    if name in ("gunicorn", "worker", "beat", "run"):  # in one sentence
        assert outcome.stderr.strip().count("\n") == 0, outcome.stderr


@pytest.mark.parametrize("name", ["gunicorn", "run"])
def test_a_setting_that_cannot_be_read_is_one_sentence(name: str, tmp_path: Path) -> None:
    outcome = start(name, tmp_path, DEPLOYMENT="production", SECRET_KEY_FILE=str(tmp_path / "no"))
    assert outcome.returncode != 0
    assert "SECRET_KEY, cannot be read" in outcome.stderr
    assert outcome.stderr.strip().count("\n") == 0, outcome.stderr


@pytest.mark.parametrize(
    "name", ["worker", *(pytest.param(name, marks=pytest.mark.nightly) for name in ("beat", "wsgi"))]
)
def test_a_setting_that_cannot_be_read_is_the_last_word_elsewhere(name: str, tmp_path: Path) -> None:
    outcome = start(name, tmp_path, DEPLOYMENT="production", SECRET_KEY_FILE=str(tmp_path / "no"))
    assert outcome.returncode != 0
    assert "SECRET_KEY, cannot be read" in outcome.stderr.strip().splitlines()[-1]


@pytest.mark.nightly
def test_pages_do_not_wait_for_the_linter(tmp_path: Path) -> None:
    """It takes as long to load as all the rest; drafts, workers and tests of a profile load it."""
    pages = "import sys, identity_manager.config.wsgi, identity_manager.config.urls"
    looked = "print('pkilint' in sys.modules)"
    program = f"{pages}; {looked}; from ca_bridge.x509 import lint; lint.load(); {looked}"
    places = {"VAR_DIR": str(tmp_path), "SECRETS_DIR": os.environ["SECRETS_DIR"]}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        env={"PATH": os.environ["PATH"], **places},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.split() == ["False", "True"]


def test_the_web_server_refuses_to_let_headers_be_forged(tmp_path: Path) -> None:
    """X_SSL_Client_Cert and X-SSL-Client-Cert are one name in WSGI; gunicorn drops the first."""
    ended = start("gunicorn", tmp_path, GUNICORN_CMD_ARGS="--header-map dangerous")
    assert ended.returncode != 0
    assert "header_map=dangerous lets anybody forge" in ended.stderr
    assert Config().header_map == "drop"
