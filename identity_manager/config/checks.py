"""Settings that do not fit together are refused before anything is served, each in one sentence.

The embedded mode may hold nothing real, production nothing of the demo.
"""

import os
import stat
from base64 import b64decode
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.http.request import validate_host

from identity_manager.config import env, mail_checks, sso
from identity_manager.config.observability import error_events, tracing

TAG = "deployment"
DEMO_CAST_FILE = "demo-cast.json"
LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1", "[::1]"})
MAILBOX_BACKEND = "identity_manager.mail.mailbox.MailboxBackend"
# None of these carries a message off this machine.
LOCAL_MAIL_BACKENDS = frozenset(
    {
        MAILBOX_BACKEND,
        *(
            f"django.core.mail.backends.{name}.EmailBackend"
            for name in ("console", "dummy", "filebased", "locmem")
        ),
    }
)
RESERVED_DOMAINS = ("example", "example.com", "example.net", "example.org", "invalid", "localhost", "test")
SECRET_KEY_LENGTH = 50  # what django.core.checks.security asks for, too
WITH_EXTRAS = ".venv/bin/python -m pip install --require-hashes --requirement requirements/full.lock"
METRICS_TOKEN_LENGTH = 20
KEY_BYTES = 32  # AES-256
RINGS = {"private-keys": "KEYS_PRIVATE_KEYS", "passphrases": "KEYS_PASSPHRASES", "other": "KEYS_OTHER"}
# An installation that archives no keys has none of these.
ARCHIVE_RINGS = {
    "archive": "KEYS_ARCHIVE",
    "recovery-keys": "KEYS_RECOVERY",
    "share-transport": "KEYS_SHARE_TRANSPORT",
}
# What may be named as NAME_FILE and must stay unread by others.
AUDIT_RINGS = ("AUDIT_KEYS", "AUDIT_SIGNING_KEYS")
SECRET_SETTINGS = (
    "SECRET_KEY",
    "DATABASE_URL",
    "DATABASE_PASSWORD",
    "BROKER_URL",
    "BROKER_PASSWORD",
    "SMTP_PASSWORD",
    "ANYMAIL",
    "METRICS_TOKEN",
    "SENTRY_DSN",
    "HTTPS_PROXY_URL",
    *RINGS.values(),
    *ARCHIVE_RINGS.values(),
    *AUDIT_RINGS,
)


def register() -> None:
    """Register the checks with Django; called once, when the apps are ready."""
    checks.register(check_settings, TAG)


def refuse_inconsistent_settings(*, serves_pages: bool = False) -> None:
    """Raise ImproperlyConfigured with what does not fit together, one sentence a line.

    For the entry points that run no system checks of their own: WSGI, ASGI, Celery. A process that
    serves pages is held to the rings that its portals need, too.
    """
    errors = [found.msg for found in check_settings() if found.is_serious()]
    if serves_pages:
        errors += [finding.sentence for finding in _rings_of_pages()]
    if errors:
        raise ImproperlyConfigured("\n".join(errors))


def check_settings(**_: Any) -> list[checks.CheckMessage]:
    """Return an error for each setting that does not fit the deployment, a warning for what it lacks."""
    findings = [*(_embedded() if settings.EMBEDDED else _production()), *_everywhere()]
    errors = [checks.Error(finding.sentence, id=f"{TAG}.{finding.code}") for finding in findings]
    return [
        *errors,
        *(checks.Warning(finding.sentence, id=f"{TAG}.{finding.code}") for finding in _lacking()),
    ]


class SettingsFinding(NamedTuple):
    """One thing that does not fit."""

    code: str
    sentence: str


# --- The embedded mode -----------------------------------------------------------------------------
def _embedded() -> Iterator[SettingsFinding]:
    yield from _embedded_mail()
    foreign = sorted({*settings.ALLOWED_HOSTS, *map(_host, _base_urls().values())} - LOOPBACK_HOSTS)
    if foreign:
        yield SettingsFinding(
            "E103",
            f"The embedded mode answers to this machine's own names only, not to {', '.join(foreign)}; "
            "see ALLOWED_HOSTS and the base URLs, or set DEPLOYMENT=production.",
        )
    if not _is_private(settings.DATABASES["default"]):
        yield SettingsFinding(
            "E104",
            "The embedded mode uses a database of its own: SQLite under VAR_DIR, or PostgreSQL on this "
            "machine; DATABASE_URL names another one.",
        )


def _embedded_mail() -> Iterator[SettingsFinding]:
    if settings.EMAIL_BACKEND != MAILBOX_BACKEND:
        yield SettingsFinding(
            "E101",
            "The embedded mode keeps its mails on this machine and cannot use EMAIL_BACKEND "
            f"{settings.EMAIL_BACKEND}; set DEPLOYMENT=production to send real mail.",
        )
    if settings.EMAIL_HOST not in LOOPBACK_HOSTS:
        yield SettingsFinding(
            "E102",
            f"The embedded mode cannot run together with the mail server {settings.EMAIL_HOST}; "
            "remove SMTP_HOST or set DEPLOYMENT=production.",
        )


def _is_private(database: dict[str, Any]) -> bool:
    if "sqlite" in database["ENGINE"]:
        return Path(database["NAME"]).resolve().is_relative_to(settings.VAR_DIR)
    host: str = database["HOST"]
    return host in LOOPBACK_HOSTS or host == "" or host.startswith("/")


# --- Production ------------------------------------------------------------------------------------
def _production() -> Iterator[SettingsFinding]:
    yield from _production_mail()
    yield from _production_addresses()
    if "sqlite" in settings.DATABASES["default"]["ENGINE"] and not settings.ALLOW_SQLITE:
        yield SettingsFinding(
            "E205",
            "Production needs PostgreSQL in DATABASE_URL; "
            "set ALLOW_SQLITE=true only if one machine serves everything.",
        )
    if (Path(settings.SECRETS_DIR) / DEMO_CAST_FILE).exists():
        yield SettingsFinding(
            "E206",
            f"{settings.SECRETS_DIR} belongs to a demo; "
            "production needs a SECRETS_DIR and a database of its own.",
        )


def _production_mail() -> Iterator[SettingsFinding]:
    if settings.EMAIL_BACKEND in LOCAL_MAIL_BACKENDS:
        yield SettingsFinding(
            "E201", f"Production must send its mail; EMAIL_BACKEND {settings.EMAIL_BACKEND} keeps it here."
        )
    domain = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].rstrip(">").lower()
    if any(domain == name or domain.endswith(f".{name}") for name in RESERVED_DOMAINS):
        yield SettingsFinding(
            "E202",
            f"Production needs a sender of your own in MAIL_FROM, not {settings.DEFAULT_FROM_EMAIL}: nobody"
            f" has a mailbox in {domain} (RFC 2606), so no answer and no bounce would find you.",
        )
    yield from (SettingsFinding(code, sentence) for code, sentence in mail_checks.findings())


def _production_addresses() -> Iterator[SettingsFinding]:
    for name, url in _base_urls().items():
        if urlsplit(url).scheme != "https" and not (
            name == "PKI_BASE_URL" and urlsplit(url).scheme == "http"
        ):
            yield SettingsFinding(
                "E203", f"Production needs {name} to begin with https://, which {url!r} does not."
            )
        if not _host(url) or _host(url) in LOOPBACK_HOSTS:
            yield SettingsFinding(
                "E204", f"Production needs {name} to name a host that people reach, not {url!r}."
            )
    if not settings.ALLOWED_HOSTS or "*" in settings.ALLOWED_HOSTS:
        yield SettingsFinding("E207", "Production needs ALLOWED_HOSTS to name its hosts one by one.")
    else:
        yield from _hosts_of_portals()


def _hosts_of_portals() -> Iterator[SettingsFinding]:
    for portal in settings.PORTALS:
        name = f"{portal.upper()}_BASE_URL"
        url = urlsplit(getattr(settings, name))
        host = url.hostname or ""
        if url.scheme == "https" and host not in {"", *LOOPBACK_HOSTS} and not _is_answered(host):
            yield SettingsFinding(
                "E208", f"{name} names {host}, which is not in ALLOWED_HOSTS: nobody would reach that portal."
            )


def _is_answered(host: str) -> bool:
    return validate_host(host, settings.ALLOWED_HOSTS)


# --- Both ------------------------------------------------------------------------------------------
def _everywhere() -> Iterator[SettingsFinding]:
    if len(settings.SECRET_KEY) < SECRET_KEY_LENGTH:
        yield SettingsFinding("E301", f"SECRET_KEY needs at least {SECRET_KEY_LENGTH} random characters.")
    if len(settings.PORTALS) == 1 and settings.CONSOLE_BASE_URL == settings.SELFSERVICE_BASE_URL:
        yield SettingsFinding(
            "E309",
            f"PORTALS names {settings.PORTALS[0]} alone, so the other portal needs an address of its own: "
            "CONSOLE_BASE_URL and SELFSERVICE_BASE_URL must differ.",
        )
    yield from _monitoring()
    yield from _sign_in()
    for purpose, name in RINGS.items():
        yield from _ring(name, settings.VAULT_KEYS[purpose])
    for purpose, name in ARCHIVE_RINGS.items():
        yield from _keys(name, settings.VAULT_KEYS[purpose])
    for name in AUDIT_RINGS:
        yield from _ring(name, getattr(settings, name))
    yield from _head_destinations()
    yield from _secret_files()
    if settings.VAULT_KEYS["private-keys"]:  # it issues; what serves pages alone need not hold a CA's files
        yield from _connections()


def _connections() -> Iterator[SettingsFinding]:
    """Each connection can be made: its connector, its options, its policy for the unknown. No CA is asked."""
    # Here, because the entry points import this module before the models, which connectors need, can be.
    from ca_bridge.connection import registry

    for alias in registry.aliases():
        if wrong := registry.misconfigured(alias):
            yield SettingsFinding("E312", wrong)


def _monitoring() -> Iterator[SettingsFinding]:
    if 0 < len(settings.METRICS_TOKEN) < METRICS_TOKEN_LENGTH:
        yield SettingsFinding(
            "E316", f"METRICS_TOKEN needs at least {METRICS_TOKEN_LENGTH} random characters."
        )
    if settings.OTEL_EXPORTER_OTLP_ENDPOINT and not tracing.is_installed():
        yield SettingsFinding(
            "E313",
            "OTEL_EXPORTER_OTLP_ENDPOINT is set, but the packages that send traces are not installed; "
            f"run: {WITH_EXTRAS}",
        )
    if settings.SENTRY_DSN and not error_events.is_installed():
        yield SettingsFinding(
            "E314",
            f"SENTRY_DSN is set, but the package that tells Sentry is not installed; run: {WITH_EXTRAS}",
        )


def _lacking() -> Iterator[SettingsFinding]:
    """What works without, but not as it is meant."""
    if settings.AUDIT_SIGNING_KEYS and not settings.AUDIT_HEAD_EXPORT:
        yield SettingsFinding(
            "W301",
            "AUDIT_HEAD_EXPORT names no place for the signatures of the audit log: who can write to the "
            "database can cut off the end of the log, and nobody sees it.",
        )


def _head_destinations() -> Iterator[SettingsFinding]:
    for destination in settings.AUDIT_HEAD_EXPORT:
        if not _is_head_destination(destination):
            yield SettingsFinding(
                "E305",
                f"AUDIT_HEAD_EXPORT names {destination!r}; it must be file:/path, syslog:/dev/log, "
                "syslog+tcp:host:port, syslog:host:port or mailto:address.",
            )


def _is_head_destination(destination: str) -> bool:
    scheme, _colon, target = destination.partition(":")
    # Here, because the entry points import this module before the models can be loaded.
    from identity_manager.audit import syslog

    if scheme == "mailto":
        return mail_checks.is_sender(target)
    if scheme == "file":
        return target.startswith("/") and not target.endswith("/")
    if scheme not in ("syslog", "syslog+tcp"):
        return False
    try:
        on_this_machine = isinstance(syslog.address(target), str)
    except syslog.NoAddressError:
        return False
    return scheme == "syslog" or not on_this_machine


def _rings_of_pages() -> Iterator[SettingsFinding]:
    """Keys are held where they are needed (DESIGN.md 4); the demo's developer server may hold all."""
    rings, shows_passphrases = settings.VAULT_KEYS, "selfservice" in settings.PORTALS
    if shows_passphrases and not rings["passphrases"]:
        yield SettingsFinding(
            "E306", "Self-Service shows passphrases and needs KEYS_PASSPHRASES, which is empty."
        )
    if settings.EMBEDDED:
        return
    if rings["private-keys"]:
        yield SettingsFinding(
            "E307",
            "A process that serves pages must not hold private keys; give it an empty KEYS_PRIVATE_KEYS.",
        )
    for name in [name for purpose, name in ARCHIVE_RINGS.items() if rings[purpose]]:
        yield SettingsFinding(
            "E317", f"A process that serves pages must not hold archived keys; give it an empty {name}."
        )
    if rings["passphrases"] and not shows_passphrases:
        yield SettingsFinding(
            "E308",
            "Identity Manager alone shows no passphrase and must not hold them; "
            "give it an empty KEYS_PASSPHRASES.",
        )


def _ring(name: str, ring: Mapping[str, str]) -> Iterator[SettingsFinding]:
    """An empty ring must be meant: a process that must not hold these keys is given an empty value."""
    if not ring and not env.is_set(name):
        yield SettingsFinding(
            "E302",
            f"{name} is missing: set it, or name a file in {name}_FILE; "
            "give an empty value to a process that must not hold these keys.",
        )
    yield from _keys(name, ring)


def _keys(name: str, ring: Mapping[str, str]) -> Iterator[SettingsFinding]:
    for version, key in ring.items():
        if not _is_key(key):
            yield SettingsFinding(
                "E303", f"Version {version} of {name} is not a key: it must be {KEY_BYTES} bytes in base64."
            )


def _is_key(key: str) -> bool:
    try:
        return len(b64decode(key, validate=True)) == KEY_BYTES
    except ValueError:
        return False


def _secret_files() -> Iterator[SettingsFinding]:
    """Ours are for their owner alone; files handed over may be the group's, as Kubernetes does it."""
    directory = Path(settings.SECRETS_DIR)
    own = list(directory.iterdir()) if directory.is_dir() else []
    named = [Path(os.environ[name]) for name in _file_variables() if name in os.environ]
    for path in sorted({*own, *named}):
        forbidden = stat.S_IRWXO if path in named else stat.S_IRWXG | stat.S_IRWXO
        if path.is_file() and path.stat().st_mode & forbidden:
            yield SettingsFinding(
                "E304", f"{path} holds a secret and others can read it; run: chmod 600 {path}"
            )


def _sign_in() -> Iterator[SettingsFinding]:
    """Each portal that is served here must be opened by something that there is."""
    for portal in settings.PORTALS:
        name = f"{portal.upper()}_BASE_URL"
        if settings.PASSKEY_DOMAIN and not _is_below(_host(_base_urls()[name]), settings.PASSKEY_DOMAIN):
            yield SettingsFinding(
                "E315",
                f"PASSKEY_DOMAIN must be the host of {name} or a domain above it; no browser would make or "
                "use a passkey otherwise.",
            )
        if settings.SIGN_IN_METHODS[portal] == ["sso"] and not settings.SSO_PROVIDERS:
            yield SettingsFinding(
                "E311",
                f"SIGN_IN_METHODS_{portal.upper()} names sso alone, and SSO_PROVIDERS names no provider: "
                "nobody could sign in.",
            )


def _is_below(host: str, domain: str) -> bool:
    return f".{host}".endswith(f".{domain}")


def _file_variables() -> Iterator[str]:
    secrets = (*SECRET_SETTINGS, *map(sso.secret_setting, settings.SSO_PROVIDERS))
    return (f"{name}_FILE" for name in secrets)


def _base_urls() -> dict[str, str]:
    names = ("CONSOLE_BASE_URL", "SELFSERVICE_BASE_URL", "PKI_BASE_URL")
    return {name: getattr(settings, name) for name in names}


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""
