"""Confirmation pages of deactivate, activate and lock: their consequences for tokens and requests."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ca_bridge.contract import RevocationReason
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.console.requests.actions import RequestAction
from identity_manager.models import (
    Certificate,
    EndingRule,
    Person,
    PersonState,
    Role,
    SoftwareToken,
    TokenRequest,
    TokenState,
)
from identity_manager.models.person_search.name_order import key_for_reader
from identity_manager.models.requests.states import BEFORE_ISSUED
from identity_manager.people import registration_policy
from identity_manager.people.officers import roles
from identity_manager.transactions.refusals import Reason
from identity_manager.workflow.archive import loss
from identity_manager.workflow.archive.loss import Afterwards
from identity_manager.workflow.people import leave_and_return, tokens_on_leave


@dataclass(frozen=True)
class LeaveAction:
    """One of the three actions: its texts, and whether it is final."""

    name: str
    title: str | Promise
    button: str | Promise
    dangerous: bool = False


DEACTIVATE = LeaveAction("deactivate", gettext_lazy("Deactivate %(person)s?"), gettext_lazy("Deactivate"))
ACTIVATE = LeaveAction("activate", gettext_lazy("Activate %(person)s?"), gettext_lazy("Activate"))
LOCK = LeaveAction(
    "lock", gettext_lazy("Lock %(person)s for good?"), gettext_lazy("Lock for good"), dangerous=True
)


def obstacle(actor: Person, person: Person, step: LeaveAction) -> Reason | None:
    """Why this officer cannot deactivate, activate or lock the person now, or None."""
    common = registration_policy.officer_obstacle(actor, person)
    if common is not None:
        return common
    if step is ACTIVATE:
        return leave_and_return.activation_obstacle(person)
    own = leave_and_return.lock_obstacle if step is LOCK else leave_and_return.deactivation_obstacle
    return own(person) or roles.last_system_administrator(person)


def actions(actor: Person, person: Person) -> list[RequestAction]:
    """The actions of a Registration Officer on the person, each with its obstacle; empty for others."""
    if not registration_policy.registers(actor, person):
        return []
    edit = registration_policy.editing_obstacle(actor, person)
    offered = [DEACTIVATE if person.state == PersonState.ACTIVE else ACTIVATE, LOCK]
    if person.state == PersonState.REGISTERED:
        offered.insert(1, DEACTIVATE)
    if person.state == PersonState.LOCKED:
        offered = []
    return [
        RequestAction(_("Edit"), reverse("console:person-edit", args=[person.pk]), edit),
        *(
            RequestAction(
                step.button,
                reverse(f"console:person-{step.name}", args=[person.pk]),
                obstacle(actor, person, step),
                dangerous=step.dangerous,
            )
            for step in offered
        ),
    ]


def context(actor: Person, person: Person, *, step: LeaveAction, form: VerbForm) -> dict[str, Any]:
    """The context of the confirmation page: consequences, or the obstacle."""
    tell = {DEACTIVATE: _deactivating, ACTIVATE: _activating, LOCK: _locking}[step]
    return {
        "tab": "search",
        "person": person,
        "form": form,
        "step": step,
        "title": step.title % {"person": person},
        "obstacle": obstacle(actor, person, step),
        "consequences": list(tell(person)),
        "losses": [] if step is ACTIVATE else loss.of_person(person.pk, afterwards=Afterwards.AWAY),
    }


def locked_words(person: Person) -> str:
    """The message after a lock; it names CAs only where certificates are revoked."""
    if Certificate.objects.to_be_revoked().filter(token__person=person).exists():
        return _("Locked for good. The certificate authority is told now.")
    return _("Locked for good.")


def _deactivating(person: Person) -> Iterator[str]:
    yield _("The person cannot sign in any more, and is signed out everywhere.")
    yield from _roles(person)
    yield from _tokens(tokens_on_leave.foreseen(person, tokens_on_leave.rule_of_leave))
    waiting = _requests(person)
    if waiting:
        yield ngettext("%d request waits.", "%d requests wait.", waiting) % waiting
    if person.is_active and person.email:
        yield _("A mail to %(address)s says so.") % {"address": person.email}
    if person.has_role(Role.SELF_SERVICE_USER):
        yield _(
            "What waits or is on hold comes back when the person is activated; of the roles, Self-Service"
            " User alone."
        )
    else:
        yield _("What waits or is on hold comes back when the person is activated; roles do not.")


def _activating(person: Person) -> Iterator[str]:
    yield _("The person can sign in again.")
    leave = person.leaves.filter(ended_at=None).first()
    if leave is not None and leave.was_self_service_user:
        yield _("The role Self-Service User comes back; other roles are assigned anew.")
    back = leave.tokens.filter(state=TokenState.ON_HOLD).count() if leave else 0
    if back:
        sentence = ngettext(
            "%d token comes back from hold, unless its certificates have ended meanwhile.",
            "%d tokens come back from hold, unless their certificates have ended meanwhile.",
            back,
        )
        yield sentence % back
    waiting = _requests(person)
    if waiting:
        yield ngettext("%d request goes on.", "%d requests go on.", waiting) % waiting
    if leave is not None and person.email:
        yield _("A mail to %(address)s says so.") % {"address": person.email}


def _locking(person: Person) -> Iterator[str]:
    yield _("This is final: nobody can activate the person again.")
    yield from _roles(person)
    foreseen = tokens_on_leave.foreseen(person, _rule_of_lock)
    yield from _tokens(foreseen)
    if foreseen.held or foreseen.left:
        yield _("Where the reason is a key compromise, all of them are revoked.")
    cancelled = _requests(person)
    if cancelled:
        yield ngettext("%d request is cancelled.", "%d requests are cancelled.", cancelled) % cancelled
    yield _("The account is closed, and mails that wait are discarded. The person gets no mail.")
    yield _("E-mail, user principal name and security identifier are free for others.")


def _roles(person: Person) -> Iterator[str]:
    names = ", ".join(sorted({str(held) for held in person.roles.all()}, key=key_for_reader))
    if names:
        yield _("Roles that are withdrawn: %(roles)s.") % {"roles": names}


def _rule_of_lock(token: SoftwareToken) -> EndingRule:
    return tokens_on_leave.rule_of_lock(token, reason=RevocationReason.CESSATION_OF_OPERATION)


def _tokens(foreseen: tokens_on_leave.LeaveEffect) -> Iterator[str]:
    if foreseen.held:
        words = ngettext("%d token is put on hold.", "%d tokens are put on hold.", foreseen.held)
        yield words % foreseen.held
    if foreseen.revoked:
        sentence = ngettext(
            "%d token is revoked, with its certificates; a passphrase that was not noted is destroyed.",
            "%d tokens are revoked, with their certificates; passphrases that were not noted are destroyed.",
            foreseen.revoked,
        )
        yield sentence % foreseen.revoked
    if foreseen.left:
        words = ngettext(
            "%d token stays valid until its own end, as its type says.",
            "%d tokens stay valid until their own end, as their types say.",
            foreseen.left,
        )
        yield words % foreseen.left


def _requests(person: Person) -> int:
    return TokenRequest.objects.filter(person=person, state__in=BEFORE_ISSUED).count()
