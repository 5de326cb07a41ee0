"""Page context of recoveries, for one officer."""

from functools import partial
from typing import Any

from django.core.paginator import Paginator
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy as _

from identity_manager.console.access import recoveries
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.console.recovery.forms import ApproveForm, RejectForm
from identity_manager.models import Person, Recovery, RequestState, Role, ShareRound
from identity_manager.transactions.refusals import Reason
from identity_manager.ui.dates import long_date
from identity_manager.ui.parts import Pair
from identity_manager.workflow.archive import share_rounds
from identity_manager.workflow.policy import eligibility
from identity_manager.workflow.recovery import decisions, officers_policy, policy, sealed_decisions

PER_PAGE = 50


def listing(actor: Person, number: str | None) -> dict[str, Any]:
    """A page of the recoveries that this officer may read, the newest first. number: of the page."""
    rows = recoveries.visible_recoveries(actor)
    return {"tab": "open_tasks", "page": Paginator(rows, PER_PAGE).get_page(number)}


def context(actor: Person, recovery: Recovery, form: VerbForm | None = None) -> dict[str, Any]:
    """One recovery, with what this officer can do about it."""
    officer = actor.has_role(Role.RECOVERY_OFFICER)
    waits = recovery.request.state == RequestState.REQUESTED
    obstacle = officers_policy.decision_obstacle(actor, recovery) if officer and waits else None
    wants_shares = decisions.awaits_shares(recovery)
    seen = {"seen": sealed_decisions.digest(recovery)}
    return {
        "tab": "open_tasks",
        "recovery": recovery,
        "row": recovery.request,
        "form": form,
        "facts": _facts(recovery),
        "communicated": SimpleLazyObject(partial(policy.communicated, recovery)),
        "revokes": eligibility.administers(actor, recovery.owner),
        "keys": recovery.keys.select_related("archived_key__certificate__profile"),
        "decisions": recovery.request.approvals.select_related("approver", "recovery_decision"),
        "decides": officer and waits and not wants_shares and obstacle is None,
        "obstacle": obstacle if not wants_shares else None,
        "approve_form": form if isinstance(form, ApproveForm) else ApproveForm(initial=seen),
        "reject_form": form if isinstance(form, RejectForm) else RejectForm(initial=seen),
        "wants_shares": wants_shares,
        "gives_share": wants_shares and share_obstacle(actor, recovery) is None,
        "holders": _holders(recovery) if wants_shares else (),
        "round": _round(recovery),
    }


def share_obstacle(actor: Person, recovery: Recovery) -> Reason | None:
    """Why this officer gives no share for the recovery now, or None."""
    if not decisions.awaits_shares(recovery):
        return decisions.NO_SHARES_WANTED
    return officers_policy.obstacle(actor, recovery) or share_rounds.obstacle(
        actor=actor,
        wrapping=decisions.wrapping_of(recovery),
        subject=decisions.subject_of(recovery),
        now=timezone.now(),
    )


def _facts(recovery: Recovery) -> list[Pair | tuple[Any, object]]:
    request = recovery.request
    return [
        (_("Whose keys"), f"{recovery.owner}, {recovery.owner.personnel_number}"),
        (_("For whom"), f"{request.person}, {request.person.personnel_number}"),
        (_("The files go to"), request.delivery_address),
        (_("Asked for by"), request.requested_by),
        (_("Reason"), recovery.purpose),
        (_("Reference number"), recovery.reference),
        (_("Last day"), long_date(recovery.last_day) if recovery.last_day else ""),
        (_("Consent of the owner"), _consent(recovery)),
        (_("Recovery key"), recovery.opened_with or ""),
    ]


def _consent(recovery: Recovery) -> str:
    """The owner's consent and its time, if somebody else gets the keys; else empty."""
    if not recovery.is_for_another:
        return ""
    said = recovery.get_consent_display()
    return f"{said}, {long_date(timezone.localdate(recovery.consent_at))}" if recovery.consent_at else said


def _round(recovery: Recovery) -> ShareRound | None:
    present = ShareRound.objects.alive().filter(subject=recovery.request_id).first()
    return present if present and present.may_be_used(timezone.now()) else None


def _holders(recovery: Recovery) -> list[tuple[Person, bool]]:
    """Share holders of the recovery key, and whether each has given their share in this round."""
    present = _round(recovery)
    given = set(present.submitted.values_list("officer", flat=True)) if present else set()
    rows = decisions.wrapping_of(recovery).shares.select_related("officer")
    return [(row.officer, row.officer_id in given) for row in rows]
