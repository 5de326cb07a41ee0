"""Settings that do not fit together are refused, each by name. A base that fits is spoiled in one place."""

import base64
import os
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from pytest_django.fixtures import Settings

from identity_manager.config import checks

# The checks read settings.DATABASES; nothing here connects to what they name.
pytestmark = pytest.mark.filterwarnings("ignore:Overriding setting DATABASES")
KEY = base64.b64encode(os.urandom(32)).decode()
POSTGRES = {"ENGINE": "django.db.backends.postgresql", "HOST": "database.acme.net", "NAME": "im"}
RINGS = {purpose: {"1": KEY} for purpose in checks.RINGS}


def codes() -> list[str]:
    return [str(error.id).partition(".")[2] for error in checks.check_settings()]


@pytest.fixture
def embedded(settings: Settings, tmp_path: Path) -> Settings:
    """The embedded mode as it is by default."""
    settings.VAR_DIR, settings.SECRETS_DIR = tmp_path, tmp_path / "secrets"
    settings.EMAIL_BACKEND = checks.MAILBOX_BACKEND
    settings.ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
    settings.VAULT_KEYS = RINGS
    settings.DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(tmp_path / "db")}}
    return settings


@pytest.fixture
def production(settings: Settings, tmp_path: Path) -> Settings:
    """A production that is in order."""
    settings.EMBEDDED = False
    settings.SECRETS_DIR = tmp_path
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.DEFAULT_FROM_EMAIL = "Tokens <tokens@acme.net>"
    settings.ALLOWED_HOSTS = ["tokens.acme.net"]
    settings.CONSOLE_BASE_URL = settings.SELFSERVICE_BASE_URL = "https://tokens.acme.net"
    settings.PKI_BASE_URL = "http://pki.acme.net"
    settings.VAULT_KEYS = RINGS
    settings.DATABASES = {"default": dict(POSTGRES)}
    return settings


def test_the_embedded_base_fits(embedded: Settings) -> None:
    assert codes() == []


def test_the_production_base_fits(production: Settings) -> None:
    assert codes() == []


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("EMAIL_BACKEND", "django.core.mail.backends.smtp.EmailBackend", "E101"),
        ("EMAIL_BACKEND", "anymail.backends.mailgun.EmailBackend", "E101"),
        ("EMAIL_HOST", "mail.acme.net", "E102"),
        ("ALLOWED_HOSTS", ["localhost", "tokens.acme.net"], "E103"),
        ("ALLOWED_HOSTS", ["*"], "E103"),
        ("CONSOLE_BASE_URL", "https://tokens.acme.net", "E103"),
        ("SELFSERVICE_BASE_URL", "https://tokens.acme.net", "E103"),
        ("PKI_BASE_URL", "http://pki.acme.net", "E103"),
        ("DATABASES", {"default": POSTGRES}, "E104"),
        ("DATABASES", {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "/srv/db"}}, "E104"),
        ("SECRET_KEY", "short", "E301"),
        ("VAULT_KEYS", {**RINGS, "passphrases": {}}, "E302"),
        ("VAULT_KEYS", {**RINGS, "other": {"1": "c2hvcnQ="}}, "E303"),
        ("VAULT_KEYS", {**RINGS, "other": {"1": "not base64"}}, "E303"),
    ],
)
def test_the_embedded_mode_refuses(embedded: Settings, name: str, value: Any, code: str) -> None:
    setattr(embedded, name, value)
    assert codes() == [code]


@pytest.mark.parametrize("host", ["", "localhost", "127.0.0.1", "/run/postgresql"])
def test_the_embedded_mode_takes_a_postgresql_of_this_machine(embedded: Settings, host: str) -> None:
    embedded.DATABASES = {"default": {**POSTGRES, "HOST": host}}
    assert codes() == []


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("EMAIL_BACKEND", checks.MAILBOX_BACKEND, "E201"),
        ("EMAIL_BACKEND", "django.core.mail.backends.console.EmailBackend", "E201"),
        ("DEFAULT_FROM_EMAIL", "Identity Manager <identity-manager@example.com>", "E202"),
        ("DEFAULT_FROM_EMAIL", "im@mail.example.org", "E202"),
        ("CONSOLE_BASE_URL", "http://tokens.acme.net", "E203"),
        ("SELFSERVICE_BASE_URL", "http://my.acme.net", "E203"),
        ("PKI_BASE_URL", "ldap://pki.acme.net", "E203"),
        ("CONSOLE_BASE_URL", "https://localhost", "E204"),
        ("CONSOLE_BASE_URL", "https:///", "E204"),
        ("ALLOWED_HOSTS", ["*"], "E207"),
        ("ALLOWED_HOSTS", [], "E207"),
        ("DATABASES", {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "/srv/db"}}, "E205"),
        ("SECRET_KEY", "k" * 49, "E301"),
    ],
)
def test_production_refuses(production: Settings, name: str, value: Any, code: str) -> None:
    setattr(production, name, value)
    assert codes() == [code]


def test_production_takes_sqlite_when_told(production: Settings) -> None:
    production.DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "/srv/db"}}
    production.ALLOW_SQLITE = True
    assert codes() == []


def test_production_refuses_the_secrets_of_a_demo(production: Settings, tmp_path: Path) -> None:
    (tmp_path / checks.DEMO_CAST_FILE).touch(mode=0o600)
    assert codes() == ["E206"]


def test_an_empty_ring_may_be_meant(production: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    production.VAULT_KEYS = {**production.VAULT_KEYS, "private-keys": {}}
    assert codes() == ["E302"]
    monkeypatch.setenv("KEYS_PRIVATE_KEYS", "")
    assert codes() == []


@pytest.mark.parametrize(("mode", "expected"), [(0o600, []), (0o640, ["E304"]), (0o604, ["E304"])])
def test_our_secret_files_are_for_their_owner(
    production: Settings, tmp_path: Path, mode: int, expected: list[str]
) -> None:
    (tmp_path / "secret-key").touch()
    (tmp_path / "secret-key").chmod(mode)
    assert codes() == expected


@pytest.mark.parametrize(("mode", "expected"), [(0o600, []), (0o440, []), (0o644, ["E304"])])
def test_secret_files_that_are_handed_over_may_be_the_groups(
    production: Settings,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    mode: int,
    expected: list[str],
) -> None:
    path = tmp_path_factory.mktemp("handed") / "password"
    path.touch()
    path.chmod(mode)
    monkeypatch.setenv("SMTP_PASSWORD_FILE", str(path))
    assert codes() == expected


def test_the_entry_points_get_one_sentence_for_each_fault(embedded: Settings) -> None:
    embedded.SECRET_KEY, embedded.EMAIL_HOST = "short", "mail.acme.net"
    with pytest.raises(ImproperlyConfigured) as caught:
        checks.refuse_inconsistent_settings()
    sentences = str(caught.value).split("\n")
    assert len(sentences) == 2
    assert "mail.acme.net" in sentences[0]
    assert "short" not in sentences[1], "a secret is never shown"
