"""Settings that do not fit together are refused, each by name. A base that fits is spoiled in one place."""

import base64
import os
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from pytest_django.fixtures import Settings

from identity_manager.config import checks
from identity_manager.config.checks import deployment, keys

# The checks read settings.DATABASES; nothing here connects to what they name.
pytestmark = pytest.mark.filterwarnings("ignore:Overriding setting DATABASES")
KEY = base64.b64encode(os.urandom(32)).decode()
POSTGRES = {"ENGINE": "django.db.backends.postgresql", "HOST": "database.acme.net", "NAME": "im"}
RINGS = {purpose: {"1": KEY} for purpose in keys.RINGS} | {purpose: {} for purpose in keys.ARCHIVE_RINGS}


def codes() -> list[str]:
    return [str(error.id).partition(".")[2] for error in checks.check_settings()]


@pytest.fixture
def embedded(settings: Settings, tmp_path: Path) -> Settings:
    """The embedded mode as it is by default."""
    settings.VAR_DIR, settings.SECRETS_DIR = tmp_path, tmp_path / "secrets"
    settings.EMAIL_BACKEND = deployment.MAILBOX_BACKEND
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


VAULT = "ca_bridge.connectors.vault.connector.VaultConnector"


def test_the_embedded_base_fits(embedded: Settings) -> None:
    assert codes() == []


def test_the_production_base_fits(production: Settings) -> None:
    assert codes() == []


def test_production_without_a_place_for_the_heads_is_warned_and_starts(production: Settings) -> None:
    production.AUDIT_HEAD_EXPORT = []
    (message,) = checks.check_settings()
    assert (message.id, message.is_serious()) == ("deployment.W301", False)
    checks.refuse_inconsistent_settings()


def test_who_signs_no_heads_needs_no_place_for_them(
    production: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    production.AUDIT_HEAD_EXPORT = []
    production.AUDIT_SIGNING_KEYS = {}
    monkeypatch.setenv("AUDIT_SIGNING_KEYS", "")
    assert codes() == []


def test_who_issues_nothing_need_not_hold_the_files_of_a_ca(production: Settings) -> None:
    production.CA_CONNECTORS = {"corporate": {"CONNECTOR": VAULT, "OPTIONS": {"url": "vault"}}}
    production.VAULT_KEYS = {**production.VAULT_KEYS, "private-keys": {}}
    assert "E312" not in codes()


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
        ("DATABASES", {"default": {**POSTGRES, "HOST": "localhost"}, "replica": POSTGRES}, "E104"),
        ("SECRET_KEY", "short", "E301"),
        ("VAULT_KEYS", {**RINGS, "passphrases": {}}, "E302"),
        ("VAULT_KEYS", {**RINGS, "other": {"1": "c2hvcnQ="}}, "E303"),
        ("VAULT_KEYS", {**RINGS, "other": {"1": "not base64"}}, "E303"),
        ("AUDIT_HEAD_EXPORT", ["heads.jsonl"], "E305"),
        ("AUDIT_HEAD_EXPORT", ["syslog:loghost:port"], "E305"),
        ("AUDIT_HEAD_EXPORT", ["syslog+tcp:/dev/log"], "E305"),
        ("AUDIT_HEAD_EXPORT", ["syslog:"], "E305"),
        ("AUDIT_HEAD_EXPORT", ["mailto:"], "E305"),
        ("AUDIT_HEAD_EXPORT", ["mailto:nobody"], "E305"),
        ("AUDIT_HEAD_EXPORT", ["file:/"], "E305"),
        ("AUDIT_HEAD_EXPORT", ["file:/srv/audit/"], "E305"),
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
        ("EMAIL_BACKEND", deployment.MAILBOX_BACKEND, "E201"),
        ("EMAIL_BACKEND", "django.core.mail.backends.console.EmailBackend", "E201"),
        ("DEFAULT_FROM_EMAIL", "Identity Manager <identity-manager@example.com>", "E202"),
        ("DEFAULT_FROM_EMAIL", "im@mail.example.org", "E202"),
        ("DEFAULT_FROM_EMAIL", "tokens", "E401"),
        ("DEFAULT_FROM_EMAIL", "Tokens <tokens@acme.net>, Others <others@acme.net>", "E401"),
        ("DEFAULT_FROM_EMAIL", "Tokens\nBcc: x <tokens@acme.net>", "E401"),
        ("DEFAULT_FROM_EMAIL", "tökens@acme.net", "E401"),
        ("EMAIL_BACKEND", "django.core.mail.backends.smpt.EmailBackend", "E402"),
        ("EMAIL_HOST", "", "E403"),
        ("EMAIL_HOST_USER", "tokens", "E404"),
        ("ANYMAIL", {"POSTMARK_SERVER_TOKEN": "t"}, "E406"),
        ("CONSOLE_BASE_URL", "http://tokens.acme.net", "E203"),
        ("SELFSERVICE_BASE_URL", "http://my.acme.net", "E203"),
        ("PKI_BASE_URL", "ldap://pki.acme.net", "E203"),
        ("CONSOLE_BASE_URL", "https://localhost", "E204"),
        ("CONSOLE_BASE_URL", "https:///", "E204"),
        ("ALLOWED_HOSTS", ["*"], "E207"),
        ("ALLOWED_HOSTS", [], "E207"),
        ("DATABASES", {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "/srv/db"}}, "E205"),
        ("SELFSERVICE_BASE_URL", "https://my.acme.net", "E208"),
        ("PORTALS", ["selfservice"], "E309"),
        ("SECRET_KEY", "k" * 49, "E301"),
        ("CA_CONNECTORS", {"corporate": {"CONNECTOR": "nobody.Knows"}}, "E312"),
        ("CA_CONNECTORS", {"corporate": {"CONNECTOR": VAULT, "OPTIONS": {"url": "vault"}}}, "E312"),
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
    (tmp_path / deployment.DEMO_CAST_FILE).touch(mode=0o600)
    assert codes() == ["E206"]


def test_an_empty_ring_may_be_meant(production: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    production.VAULT_KEYS = {**production.VAULT_KEYS, "private-keys": {}}
    assert codes() == ["E302"]
    monkeypatch.setenv("KEYS_PRIVATE_KEYS", "")
    assert codes() == []


def rings_refused(*, serves_pages: bool = True) -> str:
    try:
        checks.refuse_inconsistent_settings(serves_pages=serves_pages)
    except ImproperlyConfigured as error:
        return str(error)
    return ""


def apart(settings: Settings, portal: str, *, without: str = "") -> None:
    """This process serves one of two portals; without: rings that it is not given."""
    settings.PORTALS, settings.ALLOWED_HOSTS = [portal], ["tokens.acme.net", "my.acme.net"]
    settings.SELFSERVICE_BASE_URL = "https://my.acme.net"
    settings.VAULT_KEYS = {**RINGS, **{ring: {} for ring in without.split()}}


@pytest.mark.parametrize(
    ("portal", "without", "sentence"),
    [
        ("console", "private-keys passphrases", ""),
        ("console", "private-keys", "give it an empty KEYS_PASSPHRASES"),
        ("console", "passphrases", "give it an empty KEYS_PRIVATE_KEYS"),
        ("selfservice", "private-keys", ""),
        ("selfservice", "private-keys passphrases", "needs KEYS_PASSPHRASES, which is empty"),
    ],
)
def test_a_process_that_serves_pages_holds_the_keys_of_its_portal_alone(
    production: Settings, monkeypatch: pytest.MonkeyPatch, portal: str, without: str, sentence: str
) -> None:
    for name in keys.RINGS.values():
        monkeypatch.setenv(name, "")
    apart(production, portal, without=without)
    refused = rings_refused()
    assert sentence in refused
    assert bool(refused) == bool(sentence)
    assert rings_refused(serves_pages=False) == ""


def test_the_developer_server_of_the_demo_may_hold_all(embedded: Settings) -> None:
    assert rings_refused() == ""


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


@pytest.mark.parametrize(
    ("policy", "connector", "expected"),
    [
        ("hope", "SearchableConnector", ["E312"]),
        ("search", "ScriptedConnector", ["E312"]),
        ("search", "SearchableConnector", []),
        ("park", "ScriptedConnector", []),
        ("ask-again", "Nobody", ["E312"]),
    ],
)
def test_connections_must_be_such_as_can_be_made(
    production: Settings, policy: str, connector: str, expected: list[str]
) -> None:
    path = f"tests.ca_bridge.scripted.{connector}"
    production.CA_CONNECTORS = {"one": {"CONNECTOR": path, "UNKNOWN": policy}}
    assert codes() == expected


def test_the_entry_points_get_one_sentence_for_each_fault(embedded: Settings) -> None:
    embedded.SECRET_KEY, embedded.EMAIL_HOST = "short", "mail.acme.net"
    with pytest.raises(ImproperlyConfigured) as caught:
        checks.refuse_inconsistent_settings()
    sentences = str(caught.value).split("\n")
    assert len(sentences) == 2
    assert "mail.acme.net" in sentences[0]
    assert "short" not in sentences[1], "a secret is never shown"


def test_a_password_is_not_sent_unprotected(production: Settings) -> None:
    production.EMAIL_HOST, production.EMAIL_USE_TLS = "mail.acme.net", False
    production.EMAIL_HOST_USER = production.EMAIL_HOST_PASSWORD = "tokens"
    assert codes() == ["E405"]
    production.EMAIL_USE_SSL = True
    assert codes() == []


@pytest.mark.parametrize(
    ("secret", "expected"),
    [
        (None, []),
        ("acme:" + "s" * 20, []),
        (["acme:" + "s" * 20, "old:" + "o" * 20], []),
        ("s" * 40, ["E407"]),
        ("acme:short", ["E407"]),
        (5, ["E407"]),
        ({"acme": "s" * 20}, ["E407"]),
        (["acme:" + "s" * 20, "old:short"], ["E407"]),
    ],
)
def test_the_webhook_needs_a_secret_that_nobody_guesses(
    production: Settings, secret: object, expected: list[str]
) -> None:
    production.EMAIL_BACKEND = "anymail.backends.postmark.EmailBackend"
    production.ANYMAIL = {"POSTMARK_SERVER_TOKEN": "t"} | ({"WEBHOOK_SECRET": secret} if secret else {})
    assert codes() == expected


@pytest.mark.parametrize(
    ("domain", "expected"),
    [
        ("tokens.acme.net", []),
        ("acme.net", []),
        ("acme.org", ["E315", "E315"]),
        ("me.net", ["E315", "E315"]),
        ("https://acme.net", ["E315", "E315"]),
        ("my.tokens.acme.net", ["E315", "E315"]),
    ],
)
def test_passkeys_are_made_for_a_domain_of_the_portals(
    production: Settings, domain: str, expected: list[str]
) -> None:
    production.PASSKEY_DOMAIN = domain
    assert codes() == expected


def test_monitoring_that_is_asked_for_must_be_there(
    production: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    production.METRICS_TOKEN = "short"
    assert codes() == ["E316"]
    production.METRICS_TOKEN = "a-token-of-more-than-twenty"
    production.OTEL_EXPORTER_OTLP_ENDPOINT = "http://collector:4318"
    production.SENTRY_DSN = "https://key@sentry.acme.net/1"
    assert codes() == []
    monkeypatch.setattr("identity_manager.config.observability.tracing.is_installed", lambda: False)
    monkeypatch.setattr("identity_manager.config.observability.error_events.is_installed", lambda: False)
    assert codes() == ["E313", "E314"]
