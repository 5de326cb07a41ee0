"""Requests for software tokens: fields, states and transitions."""

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from django.db import models
from django.db.models import Count, Exists, F, OuterRef, Q
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django_fsm import transition

from ca_bridge.database.state_machine import StateField, Stateful, state_constraint
from identity_manager.models.api.client import ApiClient
from identity_manager.models.identifiers import new_id, new_reference
from identity_manager.models.people.person import Person, PersonState
from identity_manager.models.people.role import today
from identity_manager.models.requests.deciding import not_decidable, seats_of
from identity_manager.models.requests.end_reason import END_REASONS
from identity_manager.models.requests.postponement import Postponement
from identity_manager.models.requests.requesters import Requesters
from identity_manager.models.requests.rounds import Rounds
from identity_manager.models.requests.states import (
    BEFORE_ISSUED,
    ENDED,
    STOPPABLE,
    RequestKind,
    RequestOrigin,
    RequestState,
    S,
)

if TYPE_CHECKING:
    from django_stubs_ext.db.models.manager import RelatedManager

    from identity_manager.models.catalogue.terms import TermsAcceptance
    from identity_manager.models.people.deputy import Deputy
    from identity_manager.models.requests.approval import ApprovalRule


class TokenRequestQuerySet(models.QuerySet["TokenRequest"]):
    """Most of these rules stand in Python too, among the properties of TokenRequest below.

    tests/identity_manager/models/test_rules_agree.py compares the two over all states.
    """

    def with_reference(self, beginning: str) -> Self:
        """Requests whose reference begins so, in capitals."""
        return self.filter(reference__begins=beginning)

    def open(self) -> Self:
        """Requests that have not ended."""
        return self.exclude(state__in=ENDED)

    def asked_for_by(self, officer: Person) -> Self:
        """Requests that the officer made (also by an API client), resubmitted or caused."""
        clients = ApiClient.objects.actors_made_by(officer.pk)
        caused = self.model.objects.filter(co_requesters__person=officer)
        own = Q(requested_by=officer) | Q(round_started_by=officer)
        return self.filter(own | Q(requested_by__in=clients) | Q(pk__in=caused.values("pk")))

    def undecided(self) -> Self:
        """Requests on which approvers can decide; not the stopped.

        Recovery Officers decide on recoveries.
        """
        return self.filter(state=S.REQUESTED, stopped_at=None).exclude(kind=RequestKind.RECOVERY)

    def awaiting_decision(self) -> Self:
        """Requests that wait for an approver now, whose person is not on leave."""
        return self._not_on_leave().undecided()

    def postponed_by(self, approver_id: uuid.UUID, now: datetime) -> Self:
        """Requests that this approver has postponed beyond that moment, in their present round."""
        return self.filter(_postponed(approver_id, now))

    def not_postponed_by(self, approver_id: uuid.UUID, now: datetime) -> Self:
        """Requests that this approver has not postponed, if they decide on them at all."""
        return self.exclude(_postponed(approver_id, now))

    def decidable_by(self, officer: Person, deputyships: Collection["Deputy"] = ()) -> Self:
        """Four eyes, as `deciding` says them. deputyships: those in force of the officer."""
        excluded = not_decidable(seats_of(officer, deputyships), timezone.now(), today())
        return self.filter(*(~each for each in excluded))  # at once: each call copies the query

    def unaccepted(self) -> Self:
        """Requests whose terms the person can accept; not the stopped."""
        return self.filter(state=S.AWAITING_ACCEPTANCE, stopped_at=None)

    def awaiting_acceptance(self) -> Self:
        """Requests that wait for their person, who is not on leave, to accept the terms."""
        return self._not_on_leave().unaccepted()

    def _not_on_leave(self) -> Self:
        return self.exclude(person__state=PersonState.INACTIVE)

    def overdue(self, now: datetime) -> Self:
        """Requests whose terms were not accepted in time."""
        return self.awaiting_acceptance().filter(accept_before__lte=now)

    def with_all_approvals(self) -> Self:
        """Requests that wait for a decision though their round has all that it needs; not the stopped.

        Earlier versions left one so where types were removed from it while it was stopped.
        """
        given = Count("approvals", filter=Q(approvals__round=F("round")))  # a rejection ends it
        return self.undecided().annotate(given=given).filter(given__gte=F("approvals_needed"))

    def failed(self) -> Self:
        """Failed requests, which an officer retries or cancels; not the stopped."""
        return self.filter(state=S.FAILED, stopped_at=None)

    def stopped(self) -> Self:
        """Requests whose person has changed since they were asked for: an officer decides how they go on."""
        return self.filter(state__in=STOPPABLE, stopped_at__isnull=False)

    def left_undecided(self) -> Self:
        """Undecided requests about which the administrators were notified."""
        return self.undecided().filter(office_told_at__isnull=False)


def _postponed(approver_id: uuid.UUID, now: datetime) -> Exists:
    rows = Postponement.objects.filter(approver=approver_id, until__gt=now, request=OuterRef("pk"))
    return Exists(rows.filter(round=OuterRef("round")))


class TokenRequest(Requesters, Rounds, Stateful):
    """A person's request for one or more software tokens.

    snapshot_hash is the SHA-256 over the snapshots of its lines (workflow.snapshot): the approve and accept
    forms carry it, and issuance compares the snapshots with the person's present data.

    A request whose person has changed is stopped (stopped_at), in any state; an officer starts it again with
    the new data, which begins a new round: new lines, a new snapshot, new approvals. Rows of earlier rounds
    keep the number of their round.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    reference = models.CharField(max_length=16, unique=True, default=new_reference, editable=False)
    kind = models.CharField(max_length=16, choices=RequestKind, default=RequestKind.INITIAL)
    origin = models.CharField(max_length=16, choices=RequestOrigin)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="requests")
    requested_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    state = StateField(
        max_length=24, choices=RequestState.choices, default=RequestState.REQUESTED, protected=True
    )
    approvals_needed = models.PositiveSmallIntegerField(default=0)
    has_co_requesters = models.BooleanField(
        default=False, db_default=False, help_text="whether CoRequester rows say who counts as asking, too"
    )
    has_approval_rules = models.BooleanField(
        default=False, db_default=False, help_text="whether ApprovalRule rows say who approves"
    )
    purpose = models.TextField(blank=True, default="", db_default="", help_text="what it is for")
    snapshot_hash = models.CharField(max_length=64)
    devices = models.CharField(
        max_length=200, blank=True, default="", db_default="", help_text="for which the files are, by code"
    )
    delivery_address = models.CharField(max_length=254)
    round = models.PositiveSmallIntegerField(default=1)
    round_started_at = models.DateTimeField(null=True, help_text="of a later round than the first")
    round_started_by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    stopped_at = models.DateTimeField(null=True, help_text="when a change of the person was noticed")
    office_told_at = models.DateTimeField(null=True, help_text="when the office was told that nobody decides")
    postponed_until = models.DateTimeField(null=True, help_text="of release 1.0; see Postponement")
    postponed_by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    accept_before = models.DateTimeField(null=True)
    reason = models.TextField(blank=True, help_text="why it was rejected, declined or cancelled")
    failure = models.CharField(max_length=40, blank=True, help_text="a code of workflow.failures")
    failure_facts = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now)
    decided_at = models.DateTimeField(null=True)
    accepted_at = models.DateTimeField(null=True)
    issued_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    # Of a request that is being opened, while neither is in the database.
    prepared_rules: "Sequence[ApprovalRule]" = ()
    approval_rules: "RelatedManager[ApprovalRule]"
    acceptances: "RelatedManager[TermsAcceptance]"
    objects = TokenRequestQuerySet.as_manager()

    replaced_whole = frozenset({"failure_facts"})

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            state_constraint(RequestState, "token_request_state"),
            models.CheckConstraint(condition=Q(kind__in=RequestKind.values), name="token_request_kind"),
            models.CheckConstraint(condition=Q(approvals_needed__lte=5), name="token_request_approvals"),
        ]
        indexes = [
            models.Index(fields=["state", "ended_at"], name="token_request_state_ended"),
            models.Index(fields=["state", "created_at"], name="token_request_state_age"),
            models.Index(fields=["created_at", "id"], name="token_request_age"),
            models.Index(fields=["ended_at"], name="token_request_end"),
            models.Index(fields=["kind", "created_at"], name="token_request_kind_age"),
            models.Index(fields=["origin", "created_at"], name="token_request_origin_age"),
            # Partial index: every page of an officer counts these, and they are few among the open requests.
            models.Index(
                fields=["state"], condition=Q(stopped_at__isnull=False), name="token_request_stopped"
            ),
            models.Index(
                fields=["state"], condition=Q(office_told_at__isnull=False), name="token_request_told"
            ),
            models.Index(
                fields=["id"], condition=Q(postponed_until__isnull=False), name="token_request_postponed"
            ),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def is_open(self) -> bool:
        return self.state not in ENDED

    @property
    def is_recovery(self) -> bool:
        """Whether it recovers archived keys: no terms, no CA; Recovery Officers decide."""
        return self.kind == RequestKind.RECOVERY

    @property
    def is_stopped(self) -> bool:
        """Whether it is suspended after a change of its person, until an officer decides."""
        return self.stopped_at is not None and self.state in STOPPABLE

    @property
    def is_undecided(self) -> bool:
        """Whether approvers can decide on it."""
        waits = self.state == S.REQUESTED and self.stopped_at is None
        return waits and not self.is_recovery

    @property
    def awaits_decision(self) -> bool:
        """Whether it waits for an approver now."""
        return self.is_undecided and not self.person.is_on_leave

    @property
    def is_unaccepted(self) -> bool:
        """Whether its person can accept the terms."""
        return self.state == S.AWAITING_ACCEPTANCE and self.stopped_at is None

    @property
    def awaits_acceptance(self) -> bool:
        """Whether it waits for its person to accept the terms."""
        return self.is_unaccepted and not self.person.is_on_leave

    def is_overdue(self, now: datetime) -> bool:
        """Whether its terms were not accepted in time."""
        return self.awaits_acceptance and self.accept_before is not None and self.accept_before <= now

    @property
    def reason_words(self) -> str | Promise:
        """Reason of the request's end, in the reader's language."""
        return END_REASONS.in_words(self.reason)

    def suspend(self, *, now: datetime) -> None:
        """Suspend it after a change of its person, in any state."""
        self.stopped_at = now

    def resume(self) -> None:
        """Resume it: the person's data are as approved again, or a new round begins."""
        self.stopped_at = None

    @transition(field=state, source=S.REQUESTED, target=S.APPROVED, custom={"label": _("Approve")})
    def approve(self, *, now: datetime) -> None:
        """The request has enough approvals, or needs none."""
        self.decided_at = now
        self.office_told_at = None

    @transition(field=state, source=S.REQUESTED, target=S.REJECTED, custom={"label": _("Reject")})
    def reject(self, *, reason: str, now: datetime) -> None:
        """An approver has rejected it."""
        self.reason = reason
        self.decided_at = self.ended_at = now

    @transition(field=state, source=S.APPROVED, target=S.AWAITING_ACCEPTANCE, custom={"label": _("Invite")})
    def invite(self, *, accept_before: datetime) -> None:
        """The person is asked to accept the terms."""
        self.accept_before = accept_before

    @transition(field=state, source=S.AWAITING_ACCEPTANCE, target=S.ISSUING, custom={"label": _("Accept")})
    def accept(self, *, now: datetime) -> None:
        """The person accepted the terms: from here on the CA may be asked."""
        self.accepted_at = now

    @transition(
        field=state, source=S.APPROVED, target=S.ISSUING, custom={"label": _("Open the archived keys")}
    )
    def begin_recovery(self) -> None:
        """A recovery has no terms: its keys are opened as soon as it is approved."""

    @transition(
        field=state,
        source=S.AWAITING_ACCEPTANCE,
        target=S.REQUESTED,
        custom={"label": _("Approval lost")},
    )
    def lose_approval(self) -> None:
        """The request's approvals do not count any more: other approvers decide."""
        self.decided_at = self.accept_before = None

    @transition(field=state, source=S.AWAITING_ACCEPTANCE, target=S.DECLINED, custom={"label": _("Decline")})
    def decline(self, *, reason: str, now: datetime) -> None:
        """The person does not accept the terms."""
        self.reason = reason
        self.ended_at = now

    @transition(
        field=state, source=S.AWAITING_ACCEPTANCE, target=S.LAPSED, custom={"label": _("No answer in time")}
    )
    def lapse(self, *, now: datetime) -> None:
        """The person did not answer in time."""
        self.ended_at = now

    @transition(field=state, source=S.ISSUING, target=S.FAILED, custom={"label": _("Refused for good")})
    def fail(self, *, code: str, facts: dict[str, Any]) -> None:
        """Issuance was refused for good; an officer retries, resubmits or cancels."""
        self.failure = code
        self.failure_facts = facts

    @transition(field=state, source=S.FAILED, target=S.ISSUING, custom={"label": _("Try again")})
    def retry(self) -> None:
        """An officer retries its issuance."""
        self.reason = self.failure = ""
        self.failure_facts = {}
        self.resume()

    @transition(
        field=state,
        source=list(STOPPABLE),
        target=S.REQUESTED,
        custom={"label": _("Start again with new data")},
    )
    def begin_round(self, *, by: Person, now: datetime) -> None:
        """An officer resubmits it with the person's present data."""
        self.round += 1
        self.round_started_by = by
        self.round_started_at = now
        self.delivery_address = self.person.email
        self.reason = self.failure = ""
        self.failure_facts = {}
        self.resume()
        self.office_told_at = None
        self.decided_at = self.accept_before = self.accepted_at = None

    @transition(field=state, source=S.ISSUING, target=S.ISSUED, custom={"label": _("All are sealed")})
    def issue(self, *, now: datetime) -> None:
        """Each of its tokens is sealed, or has ended before."""
        self.issued_at = now

    @transition(field=state, source=S.ISSUED, target=S.COMPLETED, custom={"label": _("All are finished")})
    def complete(self, *, now: datetime) -> None:
        """Each of its tokens is finished: in use, or ended."""
        self.ended_at = now

    @transition(field=state, source=list(BEFORE_ISSUED), target=S.CANCELLED, custom={"label": _("Cancel")})
    def cancel(self, *, reason: str, now: datetime) -> None:
        """The request was cancelled before anything was delivered."""
        self.reason = reason
        self.ended_at = now
