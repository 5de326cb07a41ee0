"""Health checks of CA connections, with stored results. The connections are configured in the settings."""

import time
from datetime import timedelta

from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.utils import timezone

from ca_bridge.connection import registry
from ca_bridge.errors import CaError
from identity_manager import audit
from identity_manager.catalogue.permission import require_system_administrator
from identity_manager.models import CaCheck, Person


def test(*, actor: Person, alias: str) -> CaCheck:
    """Health check of one CA by an officer; store the result. A failure of the CA is a result and not raised.

    Call it outside any transaction, because the CA may be slow. Raises NotAllowed.
    """
    require_system_administrator(actor)
    row = _asked(alias, actor)
    with transaction.atomic():
        row.save()
        audit.record(audit.Event.CA_TESTED, actor=actor, subject=None, ca=alias, ok=row.ok, detail=row.detail)
        return row


def check_all() -> list[CaCheck]:
    """Job: health check of every CA; store and return the results."""
    rows = [_asked(alias, None) for alias in registry.aliases()]
    with transaction.atomic():
        for row in rows:
            row.save()
    return rows


def _asked(alias: str, actor: Person | None) -> CaCheck:
    begun = time.monotonic()
    health = registry.health(alias)
    return CaCheck(
        alias=alias,
        ok=health.ok,
        detail=health.detail,
        fault=health.fault or "",
        offered=_offered(alias) if health.ok else _offered_before(alias),
        needs=_needs(alias),
        findings=[(each.finding.value, dict(each.values)) for each in health.found],
        took=timedelta(seconds=time.monotonic() - begun),
        checked_at=timezone.now(),
        checked_by=actor,
    )


def _offered(alias: str) -> list[str]:
    """The CA's profile names; empty where our credentials may not list them."""
    try:
        return list(registry.profiles(alias))
    except CaError:
        return []


def _needs(alias: str) -> list[tuple[str, str | None]]:
    """Due maintenance of the CA as JSON values (need, ISO date); empty if the CA does not answer."""
    try:
        concerns = registry.due_maintenance(alias)
    except (CaError, ImproperlyConfigured):
        return []
    return [(each.need.value, each.until.isoformat() if each.until else None) for each in concerns]


def _offered_before(alias: str) -> list[str]:
    return CaCheck.objects.filter(alias=alias).values_list("offered", flat=True).first() or []


def offered() -> dict[str, list[str]]:
    """The profile names of each CA by alias, as stored at the last health check. Calls no CA."""
    rows = CaCheck.objects.filter(alias__in=registry.aliases()).order_by("alias")
    return {row.alias: row.offered for row in rows if row.offered}
