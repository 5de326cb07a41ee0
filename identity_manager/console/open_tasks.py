"""OPEN TASKS of an officer: what waits for a decision, what was postponed, what has failed."""

from typing import Any

from django.db.models import Prefetch, Q, QuerySet
from django.utils import timezone

from identity_manager.console import access
from identity_manager.models import Person, RequestState, Role, SoftwareToken, TokenRequest
from identity_manager.workflow import sign_in_code_policy

SHOWN = 100
DECIDERS = {Role.APPROVER}
MENDERS = {Role.TOKEN_ADMINISTRATOR}


def context(actor: Person) -> dict[str, Any]:
    """Each part only for who can do something about it; at most SHOWN rows of each, the oldest."""
    return {
        "tab": "open_tasks",
        "is_approver": access.holds(actor, DECIDERS),
        "is_administrator": access.holds(actor, MENDERS),
        "waiting": _lines(awaiting_decision(actor)),
        "postponed": _lines(postponed(actor)),
        "failed": _lines(failed(actor)),
        "codes": sign_in_code_policy.confirmable_by(actor)[:SHOWN],
        "codes_to_make": sign_in_code_policy.makeable_by(actor)[:SHOWN],
    }


def awaiting_decision(actor: Person) -> QuerySet[TokenRequest]:
    """What this approver may decide now."""
    rows = TokenRequest.objects.awaiting_decision(timezone.now()).decidable_by(actor.pk)
    return rows.filter(_of_units(actor, DECIDERS))


def postponed(actor: Person) -> QuerySet[TokenRequest]:
    """What comes back to this approver later."""
    rows = TokenRequest.objects.filter(state=RequestState.REQUESTED, postponed_until__gt=timezone.now())
    return rows.decidable_by(actor.pk).filter(_of_units(actor, DECIDERS))


def failed(actor: Person) -> QuerySet[TokenRequest]:
    """What this administrator retries or cancels."""
    return TokenRequest.objects.filter(_of_units(actor, MENDERS), state=RequestState.FAILED)


def _of_units(actor: Person, roles: set[Role]) -> Q:
    return access.within_units(actor, roles, "person__organisational_unit")


def _lines(rows: QuerySet[TokenRequest]) -> QuerySet[TokenRequest]:
    tokens = SoftwareToken.objects.select_related("token_type").defer("passphrase_wrapped", "snapshot")
    rows = rows.select_related("person", "requested_by").prefetch_related(Prefetch("tokens", tokens))
    return rows.order_by("created_at", "pk")[:SHOWN]
