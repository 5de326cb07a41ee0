"""How many of the certificates that were bought from a CA are left, by the journal."""

from dataclasses import dataclass

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from ca_bridge.connection import registry
from ca_bridge.errors import CaError
from ca_bridge.models import CaOrder

# Also what is ordered and not answered yet, and what nobody knows the outcome of.
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
    """None where the settings name no allowance, or are invalid."""
    try:
        allowance = registry.allowance(alias)
    except (CaError, ImproperlyConfigured):
        return None
    if allowance is None:
        return None
    counted = CaOrder.objects.filter(state__in=COUNTED, ca=alias, created_at__gte=allowance.since).count()
    return Left(alias, max(allowance.certificates - counted, 0), allowance.certificates)
