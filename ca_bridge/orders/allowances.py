"""Allowances: how many certificates of a contract with a CA are left, counted in the journal."""

from dataclasses import dataclass

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from ca_bridge.connection import registry
from ca_bridge.errors import CaError
from ca_bridge.models import CaOrder

# Including orders without an answer yet, and those with an unknown outcome.
COUNTED = (CaOrder.State.ISSUED, CaOrder.State.ASKED, CaOrder.State.PENDING, CaOrder.State.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Left:
    """left of total certificates of a CA are not ordered yet."""

    ca: str
    left: int
    total: int


def configured() -> bool:
    """Whether any CA of the settings has an allowance."""
    return any("ALLOWANCE" in (each or ()) for each in settings.CA_CONNECTORS.values())


def left(alias: str) -> Left | None:
    """The remaining allowance of a CA; None if the settings name none or are invalid."""
    try:
        allowance = registry.allowance(alias)
    except (CaError, ImproperlyConfigured):
        return None
    if allowance is None:
        return None
    counted = CaOrder.objects.filter(state__in=COUNTED, ca=alias, created_at__gte=allowance.since).count()
    return Left(alias, max(allowance.certificates - counted, 0), allowance.certificates)
