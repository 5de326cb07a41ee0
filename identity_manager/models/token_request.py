"""Requests: one road from asking to the finished token."""

import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_fsm import FSMField, transition

from ca_bridge.state import Stateful, state_constraint
from identity_manager.models.identifiers import new_id, new_reference
from identity_manager.models.person import Person

if TYPE_CHECKING:
    from django_stubs_ext.db.models.manager import RelatedManager

    from identity_manager.models.approval import Approval
    from identity_manager.models.software_token import SoftwareToken
    from identity_manager.models.terms import TermsAcceptance


class RequestState(models.TextChoices):
    REQUESTED = "requested", _("Waits for approval")
    APPROVED = "approved", _("Approved")
    REJECTED = "rejected", _("Rejected")
    AWAITING_ACCEPTANCE = "awaiting_acceptance", _("Waits for acceptance")
    DECLINED = "declined", _("Declined")
    LAPSED = "lapsed", _("Lapsed")
    ISSUING = "issuing", _("Being issued")
    FAILED = "failed", _("Failed")
    ISSUED = "issued", _("Issued")
    COMPLETED = "completed", _("Completed")
    CANCELLED = "cancelled", _("Cancelled")


S = RequestState
BEFORE_ISSUED = (S.REQUESTED, S.APPROVED, S.AWAITING_ACCEPTANCE, S.ISSUING, S.FAILED)
ENDED = (S.REJECTED, S.DECLINED, S.LAPSED, S.CANCELLED, S.COMPLETED)


class RequestKind(models.TextChoices):
    INITIAL = "initial", _("First issue")
    RENEWAL = "renewal", _("Renewal")
    REPLACEMENT = "replacement", _("Replacement")
    RECOVERY = "recovery", _("Recovery")


class RequestOrigin(models.TextChoices):
    ADMINISTRATOR = "administrator", _("started by an administrator")
    SELF_SERVICE = "self-service", _("started by the person")


class TokenRequestQuerySet(models.QuerySet["TokenRequest"]):
    def open(self) -> Self:
        """Requests that have not ended."""
        return self.exclude(state__in=ENDED)

    def awaiting_decision(self, now: datetime) -> Self:
        """Requests that wait for an approver and are not postponed."""
        return self.filter(Q(postponed_until=None) | Q(postponed_until__lte=now), state=S.REQUESTED)

    def decidable_by(self, person_id: uuid.UUID) -> Self:
        """Four eyes: neither the requester nor the beneficiary, and not decided by this approver before."""
        own = Q(person_id=person_id) | Q(requested_by_id=person_id)
        decided = Q(pk__in=self.model.objects.filter(approvals__approver_id=person_id).values("pk"))
        return self.exclude(own).exclude(decided)

    def overdue(self, now: datetime) -> Self:
        """Requests whose terms were not accepted in time."""
        return self.filter(state=S.AWAITING_ACCEPTANCE, accept_before__lte=now)


class TokenRequest(Stateful):
    """A person's request for one or more software tokens.

    snapshot_hash covers what every line of it says (SHA-256, see workflow.snapshot): the approve and
    accept forms carry it, and issuance compares it with the person of that moment.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    reference = models.CharField(max_length=16, unique=True, default=new_reference, editable=False)
    kind = models.CharField(max_length=16, choices=RequestKind, default=RequestKind.INITIAL)
    origin = models.CharField(max_length=16, choices=RequestOrigin)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="requests")
    requested_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    state = FSMField(
        max_length=24, choices=RequestState.choices, default=RequestState.REQUESTED, protected=True
    )
    approvals_needed = models.PositiveSmallIntegerField(default=0)
    snapshot_hash = models.CharField(max_length=64)
    delivery_address = models.CharField(max_length=254)
    postponed_until = models.DateTimeField(null=True)
    accept_before = models.DateTimeField(null=True)
    reason = models.TextField(blank=True, help_text="why it was rejected, declined, cancelled or failed")
    created_at = models.DateTimeField(default=timezone.now)
    decided_at = models.DateTimeField(null=True)
    accepted_at = models.DateTimeField(null=True)
    issued_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    tokens: "RelatedManager[SoftwareToken]"
    approvals: "RelatedManager[Approval]"
    acceptances: "RelatedManager[TermsAcceptance]"
    objects = TokenRequestQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            state_constraint(RequestState, "token_request_state"),
            models.CheckConstraint(condition=Q(kind__in=RequestKind.values), name="token_request_kind"),
            models.CheckConstraint(condition=Q(approvals_needed__lte=2), name="token_request_approvals"),
        ]
        indexes = [models.Index(fields=["state", "created_at"], name="token_request_state_age")]

    def __str__(self) -> str:
        return self.reference

    @property
    def is_open(self) -> bool:
        return self.state not in ENDED

    @transition(field=state, source=S.REQUESTED, target=S.APPROVED)
    def approve(self, *, now: datetime) -> None:
        """Enough approvers said yes, or the policy wants none."""
        self.decided_at = now
        self.postponed_until = None

    @transition(field=state, source=S.REQUESTED, target=S.REJECTED)
    def reject(self, *, reason: str, now: datetime) -> None:
        """An approver said no."""
        self.reason = reason
        self.decided_at = self.ended_at = now

    @transition(field=state, source=S.APPROVED, target=S.AWAITING_ACCEPTANCE)
    def invite(self, *, accept_before: datetime) -> None:
        """The person is asked to accept the terms."""
        self.accept_before = accept_before

    @transition(field=state, source=S.AWAITING_ACCEPTANCE, target=S.ISSUING)
    def accept(self, *, now: datetime) -> None:
        """The person accepted the terms: from here on the CA may be asked."""
        self.accepted_at = now

    @transition(field=state, source=S.AWAITING_ACCEPTANCE, target=S.DECLINED)
    def decline(self, *, reason: str, now: datetime) -> None:
        """The person does not accept the terms."""
        self.reason = reason
        self.ended_at = now

    @transition(field=state, source=S.AWAITING_ACCEPTANCE, target=S.LAPSED)
    def lapse(self, *, now: datetime) -> None:
        """The person did not answer in time."""
        self.ended_at = now

    @transition(field=state, source=S.ISSUING, target=S.FAILED)
    def fail(self, *, reason: str) -> None:
        """Refused for good; an officer retries or cancels."""
        self.reason = reason

    @transition(field=state, source=S.FAILED, target=S.ISSUING)
    def retry(self) -> None:
        """An officer has it tried again."""
        self.reason = ""

    @transition(field=state, source=S.ISSUING, target=S.ISSUED)
    def issue(self, *, now: datetime) -> None:
        """Every token of it is sealed, or was ended on the way."""
        self.issued_at = now

    @transition(field=state, source=S.ISSUED, target=S.COMPLETED)
    def complete(self, *, now: datetime) -> None:
        """Every token of it is finished, one way or the other."""
        self.ended_at = now

    @transition(field=state, source=list(BEFORE_ISSUED), target=S.CANCELLED)
    def cancel(self, *, reason: str, now: datetime) -> None:
        """Ended before anything was handed out."""
        self.reason = reason
        self.ended_at = now
