"""OPEN TASKS of an officer: what waits for a decision, what was postponed, what has failed."""

from typing import Any

from django.db.models import Prefetch, Q, QuerySet
from django.utils import timezone

from identity_manager.console import access
from identity_manager.models import Person, RequestState, Role, SignInCode, SoftwareToken, TokenRequest

SHOWN = 100
DECIDERS = {Role.APPROVER}
MENDERS = {Role.TOKEN_ADMINISTRATOR}
CONFIRMERS = {Role.REGISTRATION_OFFICER}


def context(actor: Person) -> dict[str, Any]:
    """Each part only for who can do something about it; at most SHOWN rows of each, the oldest."""
    return {
        "tab": "open_tasks",
        "is_approver": access.holds(actor, DECIDERS),
        "is_administrator": access.holds(actor, MENDERS),
        "waiting": _lines(awaiting_decision(actor)),
        "postponed": _lines(postponed(actor)),
        "failed": _lines(failed(actor)),
        "codes": awaiting_confirmation(actor)[:SHOWN],
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


def awaiting_confirmation(actor: Person) -> QuerySet[SignInCode]:
    """Sign-in codes that wait for a second Registration Officer: this one, if somebody else asked."""
    rows = SignInCode.objects.awaiting_confirmation().exclude(asked_by=actor).exclude(person=actor)
    return rows.filter(_of_units(actor, CONFIRMERS)).select_related("person", "asked_by").order_by("asked_at")


def _of_units(actor: Person, roles: set[Role]) -> Q:
    return access.within_units(actor, roles, "person__organisational_unit")


def _lines(rows: QuerySet[TokenRequest]) -> QuerySet[TokenRequest]:
    tokens = SoftwareToken.objects.select_related("token_type").defer("passphrase_wrapped", "snapshot")
    rows = rows.select_related("person", "requested_by").prefetch_related(Prefetch("tokens", tokens))
    return rows.order_by("created_at", "pk")[:SHOWN]
