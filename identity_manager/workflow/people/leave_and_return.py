"""Leave, return and lock: effects of a person's state on roles, tokens and requests.

deactivate: roles are withdrawn, tokens and certificates put on hold, requests wait; no sign-in.
activate: reinstates the tokens that this leave put on hold; requests continue.
lock: final; requests that are not issued are cancelled, all certificates revoked.
A token type may set other rules for its tokens (tokens_on_leave.py).

PcmProcDeactivateEmployee and BaseProcReactivateEmployeeWithRoleUSSP of Nexus.
"""

import uuid

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_fsm import can_proceed

from ca_bridge.contract import RevocationReason
from identity_manager import audit
from identity_manager.mail import outbox
from identity_manager.mail.messages import person_messages, token_messages
from identity_manager.models import (
    CertificateState,
    EndReason,
    Leave,
    Person,
    PersonState,
    RequestState,
    Role,
    SoftwareToken,
    TokenRequest,
    TokenState,
)
from identity_manager.models.requests.states import BEFORE_ISSUED
from identity_manager.models.requests.token_states import MAY_LIVE_ON
from identity_manager.people import directory_ownership, registration_policy
from identity_manager.people.identity import identity_changes
from identity_manager.people.officers import roles
from identity_manager.people.sign_in import accounts
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import NO_REASON, NotAllowed, Reason, Stale, refuse, require
from identity_manager.workflow import completion
from identity_manager.workflow.delivery import installation
from identity_manager.workflow.issuance import claims
from identity_manager.workflow.people import sign_in_codes, tokens_on_leave
from identity_manager.workflow.requests import cancellation, suspension
from identity_manager.workflow.revocation import hold

LOCK_REASONS = (
    RevocationReason.CESSATION_OF_OPERATION,
    RevocationReason.AFFILIATION_CHANGED,
    RevocationReason.KEY_COMPROMISE,
)
NOT_TO_BE_DEACTIVATED = Reason(
    "not-to-be-deactivated", _("Only a Registered or Active person can be deactivated.")
)
NOT_TO_BE_ACTIVATED = Reason(
    "person-not-to-be-activated", _("Only a Registered or Inactive person can be activated.")
)
LOCKED_ALREADY = Reason("locked-already", _("This person is Locked already."))
NO_LOCK_REASON = Reason("no-lock-reason", _("Choose why the person is locked."))
LOCKED = _("The person was locked for good.")


def deactivation_obstacle(person: Person) -> Reason | None:
    """Why this person cannot be deactivated, or None."""
    return None if can_proceed(person.deactivate) else NOT_TO_BE_DEACTIVATED


def activation_obstacle(person: Person) -> Reason | None:
    """Why this person cannot be activated, or None."""
    return None if can_proceed(person.activate) else NOT_TO_BE_ACTIVATED


def lock_obstacle(person: Person) -> Reason | None:
    """Why this person cannot be locked, or None."""
    return None if can_proceed(person.lock) else LOCKED_ALREADY


def deactivate(*, actor: Person, person_id: uuid.UUID, reason: str) -> Person:
    """Put a person on leave, by a Registration Officer. Raises NotAllowed, NotPossible or Stale.

    Refused for the last System Administrator.
    """
    with transaction.atomic():
        person = _fetch(actor, person_id)
        refuse(deactivation_obstacle(person), kind=Stale)
        refuse(roles.last_system_administrator(person))
        require(reason.strip(), else_=NO_REASON, field="reason")

        _begin_leave(person, actor=actor, reason=reason.strip())
        return person


def activate(*, actor: Person, person_id: uuid.UUID) -> Person:
    """Activate a person, by a Registration Officer. Raises NotAllowed or Stale, or NotPossible where a
    directory says that they are not active."""
    with transaction.atomic():
        person = _fetch(actor, person_id)
        refuse(activation_obstacle(person), kind=Stale)
        refuse(directory_ownership.activation_obstacle(person))

        _end_leave(person, actor=actor)
        return person


def lock(*, actor: Person, person_id: uuid.UUID, reason: RevocationReason) -> Person:
    """Lock a person for good, by a Registration Officer; reason (one of LOCK_REASONS) goes onto the CRL.

    Raises NotAllowed, NotPossible or Stale. Refused for the last System Administrator.
    """
    with transaction.atomic():
        person = _fetch(actor, person_id)
        refuse(lock_obstacle(person), kind=Stale)
        refuse(roles.last_system_administrator(person))
        require(reason in LOCK_REASONS, else_=NO_LOCK_REASON, field="reason")

        _end_for_good(person, actor=actor, reason=reason)
        return person


def take_over_state(*, person_id: uuid.UUID, state: PersonState, actor: Person | None) -> None:
    """Apply a person's new state from the directory, in the caller's transaction.

    actor None: the operator of the machine. Raises Refused where the state cannot be reached.
    """
    person = roles.lock_with_system_administrators(person_id)
    if state == PersonState.ACTIVE:
        refuse(activation_obstacle(person), kind=Stale)
        _end_leave(person, actor=actor)
        return
    refuse(roles.last_system_administrator(person))
    if state == PersonState.INACTIVE:
        refuse(deactivation_obstacle(person), kind=Stale)
        _begin_leave(person, actor=actor, reason="")
    else:
        refuse(lock_obstacle(person), kind=Stale)
        _end_for_good(person, actor=actor, reason=RevocationReason.CESSATION_OF_OPERATION)


def _fetch(actor: Person, person_id: uuid.UUID) -> Person:
    person = roles.lock_with_system_administrators(person_id)
    refuse(registration_policy.officer_obstacle(actor, person), kind=NotAllowed)
    return person


# --- leave


def _begin_leave(person: Person, *, actor: Person | None, reason: str) -> None:
    was_active = person.is_active
    held_roles = roles.withdraw_all(person, actor=actor, for_leave=True)
    person.deactivate()
    person.save()
    leave = Leave.objects.create(
        person=person,
        reason=reason,
        began_by=actor,
        was_self_service_user=Role.SELF_SERVICE_USER in held_roles,
    )
    accounts.end_sessions(person)
    sign_in_codes.withdraw_open(person, actor=actor)
    outcome = tokens_on_leave.begin_leave(person, leave=leave, actor=actor)
    waiting = _requests(person, BEFORE_ISSUED).count()
    if was_active:
        outbox.enqueue(
            person_messages.person_deactivated(
                leave, held=outcome.held, revoked=outcome.revoked, waiting=waiting
            )
        )
    audit.record(
        audit.Event.PERSON_DEACTIVATED,
        actor=actor,
        subject=person,
        reason=reason,
        tokens_on_hold=outcome.held,
        tokens_revoked=outcome.revoked,
        tokens_running_out=outcome.left,
        requests_waiting=waiting,
    )


# --- return


def _end_leave(person: Person, *, actor: Person | None) -> None:
    person.activate()
    person.save()
    leave = person.leaves.filter(ended_at=None).first()
    reinstated = 0
    if leave is not None:
        leave.ended_at, leave.ended_by = timezone.now(), actor
        leave.save()
        leave.person = person
        if leave.was_self_service_user:
            roles.give_self_service_back(person, actor=actor)
        installation.prolong_by_leave(person, since=leave.began_at)
        reinstated = _reinstate_tokens(person, leave, actor=actor)
        _stop_the_clock(person, leave)
    _go_on_issuing(person)
    waiting = _requests(person, BEFORE_ISSUED).count()
    if leave is not None:
        outbox.enqueue(person_messages.person_activated(leave, reinstated=reinstated, waiting=waiting))
    audit.record(
        audit.Event.PERSON_ACTIVATED,
        actor=actor,
        subject=person,
        tokens_reinstated=reinstated,
        requests_going_on=waiting,
    )


def _reinstate_tokens(person: Person, leave: Leave, *, actor: Person | None) -> int:
    """Reinstate the tokens that this leave put on hold, and no others; of ended ones, the certificates."""
    known = leave.held_certificates
    held = None if known is None else {uuid.UUID(pk) for pk in known}
    for token in tokens_on_leave.tokens_of(person, *MAY_LIVE_ON):
        hold.release_certificates(token, only=held)
    reinstated = 0
    for token in tokens_on_leave.tokens_of(person, TokenState.ON_HOLD):
        if token.held_for_leave_id == leave.pk:
            hold.reinstate_token(token, actor=actor)
            reinstated += token.state != TokenState.EXPIRED
    return reinstated


def _stop_the_clock(person: Person, leave: Leave) -> None:
    """Extend the deadlines of acceptance and decision by the time of the leave."""
    waiting = _requests(person, (RequestState.REQUESTED, RequestState.AWAITING_ACCEPTANCE))
    for pk in waiting.values_list("pk", flat=True):
        suspension.extend_deadlines(locking.request(pk), since=leave.began_at)


def _go_on_issuing(person: Person) -> None:
    """Release issued certificates, enqueue waiting ones, seal complete tokens."""
    for token in tokens_on_leave.tokens_of(person, TokenState.ISSUING):
        hold.release_certificates(token)
        if token.certificates.filter(state=CertificateState.EXPIRED).exists():
            _end_what_is_over(token)
            continue
        completion.seal_when_complete(token)
        rows = locking.certificates_of(token)
        claims.enqueue([row for row in rows if row.state == CertificateState.ORDERED])


def _end_what_is_over(token: SoftwareToken) -> None:
    """Lapse undelivered tokens whose certificate ended during the leave."""
    reason = EndReason.ENDED_ON_LEAVE
    outbox.enqueue(token_messages.ended_on_leave(token))
    others = [row for row in locking.tokens_of(token.request) if row.pk != token.pk]
    if all(row.state == TokenState.CANCELLED for row in others):
        cancellation.end_request(token.request, actor=None, reason=reason)
        return
    token.cancel(reason=reason, now=timezone.now())
    token.save()
    cancellation.end_certificates(
        token, actor=None, reason=reason, revocation=RevocationReason.CESSATION_OF_OPERATION
    )
    audit.append(completion.issue_request(token))


# --- the end


def _end_for_good(person: Person, *, actor: Person | None, reason: RevocationReason) -> None:
    roles.withdraw_all(person, actor=actor)
    person.lock()
    person.save()
    person.leaves.filter(ended_at=None).update(ended_at=timezone.now(), ended_by=actor)
    accounts.close_account(person)
    sign_in_codes.withdraw_open(person, actor=actor)
    identity_changes.withdraw_waiting(person, actor=actor, reason=str(LOCKED))
    cancelled = _cancel_requests(person, actor=actor, reason=reason)
    outcome = tokens_on_leave.end_for_good(person, actor=actor, reason=reason)
    for mail in locking.waiting_mails_of(person):
        outbox.discard(mail, reason=str(LOCKED))
    audit.record(
        audit.Event.PERSON_LOCKED,
        actor=actor,
        subject=person,
        reason=reason.value,
        requests_cancelled=cancelled,
        tokens_on_hold=outcome.held,
        tokens_revoked=outcome.revoked,
        tokens_running_out=outcome.left,
    )


def _cancel_requests(person: Person, *, actor: Person | None, reason: RevocationReason) -> int:
    cancelled = 0
    for pk in list(_requests(person, BEFORE_ISSUED).values_list("pk", flat=True)):
        cancellation.end_request(locking.request(pk), actor=actor, reason=EndReason.LOCKED, revocation=reason)
        cancelled += 1
    return cancelled


# --- whose


def _requests(person: Person, states: tuple[str, ...]) -> QuerySet[TokenRequest]:
    return TokenRequest.objects.filter(person=person, state__in=states).order_by("pk")
