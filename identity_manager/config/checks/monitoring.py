"""Checks of monitoring, and of destinations for signed heads of the audit log."""

from collections.abc import Iterator

from django.conf import settings

from identity_manager.config.checks import mail
from identity_manager.config.checks.finding import SettingsFinding
from identity_manager.config.observability import error_events, tracing

WITH_EXTRAS = ".venv/bin/python -m pip install --require-hashes --requirement requirements/full.lock"
METRICS_TOKEN_LENGTH = 20


def findings() -> Iterator[SettingsFinding]:
    """Monitoring without its packages, and malformed destinations of heads."""
    yield from _head_destinations()
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


def lacking() -> Iterator[SettingsFinding]:
    """Warnings: settings that are missing though the installation works without them."""
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
        return mail.is_sender(target)
    if scheme == "file":
        return target.startswith("/") and not target.endswith("/")
    if scheme not in ("syslog", "syslog+tcp"):
        return False
    try:
        on_this_machine = isinstance(syslog.address(target), str)
    except syslog.NoAddressError:
        return False
    return scheme == "syslog" or not on_this_machine
