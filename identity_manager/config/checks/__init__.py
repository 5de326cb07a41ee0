"""Consistency checks of the settings, at start-up of each process; one sentence per finding.

One module per subject; each finding has a stable code.
"""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured

from identity_manager.config.checks import deployment, keys, monitoring, sign_in
from identity_manager.config.checks.finding import SettingsFinding

TAG = "deployment"
SECRET_KEY_LENGTH = 50  # what django.core.checks.security asks for, too


def register() -> None:
    """Register the checks with Django; called once, when the apps are ready."""
    checks.register(check_settings, TAG)


def refuse_inconsistent_settings(*, serves_pages: bool = False) -> None:
    """Raise ImproperlyConfigured with all findings, one sentence a line.

    For entry points that do not run Django's system checks: WSGI, Celery. serves_pages: also check the key
    rings that the portals need.
    """
    errors = [found.msg for found in check_settings() if found.is_serious()]
    if serves_pages:
        errors += [finding.sentence for finding in keys.rings_of_pages()]
    if errors:
        raise ImproperlyConfigured("\n".join(errors))


def check_settings(**_: Any) -> list[checks.CheckMessage]:
    """Django system check: an error per inconsistent setting, a warning per missing one."""
    findings = [*(deployment.embedded() if settings.EMBEDDED else deployment.production()), *_everywhere()]
    errors = [checks.Error(finding.sentence, id=f"{TAG}.{finding.code}") for finding in findings]
    return [
        *errors,
        *(checks.Warning(finding.sentence, id=f"{TAG}.{finding.code}") for finding in monitoring.lacking()),
    ]


def _everywhere() -> Iterator[SettingsFinding]:
    if len(settings.SECRET_KEY) < SECRET_KEY_LENGTH:
        yield SettingsFinding("E301", f"SECRET_KEY needs at least {SECRET_KEY_LENGTH} random characters.")
    if len(settings.PORTALS) == 1 and settings.CONSOLE_BASE_URL == settings.SELFSERVICE_BASE_URL:
        yield SettingsFinding(
            "E309",
            f"PORTALS names {settings.PORTALS[0]} alone, so the other portal needs an address of its own: "
            "CONSOLE_BASE_URL and SELFSERVICE_BASE_URL must differ.",
        )
    yield from monitoring.findings()
    yield from sign_in.findings()
    yield from keys.findings()
    if settings.VAULT_KEYS["private-keys"]:  # it issues; what serves pages alone need not hold a CA's files
        yield from _connections()


def _connections() -> Iterator[SettingsFinding]:
    """Each CA connection: its connector, options and policy for unknown outcomes are valid. Calls no CA."""
    # Here, because the entry points import this module before the models, which connectors need, can be.
    from ca_bridge.connection import registry

    for alias in registry.aliases():
        if wrong := registry.misconfigured(alias):
            yield SettingsFinding("E312", wrong)
