"""Separation of deployments: no real addresses in the embedded mode, nothing of the demo in production."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import validate_host

from identity_manager.config.checks import mail
from identity_manager.config.checks.finding import LOOPBACK_HOSTS, SettingsFinding, base_urls, host_of

DEMO_CAST_FILE = "demo-cast.json"
MAILBOX_BACKEND = "identity_manager.mail.mailbox.MailboxBackend"
# Mail backends that send nothing off this machine.
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


def embedded() -> Iterator[SettingsFinding]:
    yield from _embedded_mail()
    foreign = sorted({*settings.ALLOWED_HOSTS, *map(host_of, base_urls().values())} - LOOPBACK_HOSTS)
    if foreign:
        yield SettingsFinding(
            "E103",
            f"The embedded mode answers to this machine's own names only, not to {', '.join(foreign)}; "
            "see ALLOWED_HOSTS and the base URLs, or set DEPLOYMENT=production.",
        )
    for alias, name in (("default", "DATABASE_URL"), ("replica", "DATABASE_REPLICA_URL")):
        if alias in settings.DATABASES and not _is_private(settings.DATABASES[alias]):
            yield SettingsFinding(
                "E104",
                "The embedded mode uses a database of its own: SQLite under VAR_DIR, or PostgreSQL on this "
                f"machine; {name} names another one.",
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


def production() -> Iterator[SettingsFinding]:
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
    yield from mail.findings()


def _production_addresses() -> Iterator[SettingsFinding]:
    for name, url in base_urls().items():
        if urlsplit(url).scheme != "https" and not (
            name == "PKI_BASE_URL" and urlsplit(url).scheme == "http"
        ):
            yield SettingsFinding(
                "E203", f"Production needs {name} to begin with https://, which {url!r} does not."
            )
        if not host_of(url) or host_of(url) in LOOPBACK_HOSTS:
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
