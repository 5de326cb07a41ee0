"""The outbox: mails to be sent, and their delivery state."""

import uuid
from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Coalesce, Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_fsm import transition

from ca_bridge.database.state_machine import StateField, Stateful, state_constraint
from identity_manager.models.identifiers import new_id
from identity_manager.models.lease import Leased, LeasedQuerySet
from identity_manager.models.people.identity_change import IdentityChange
from identity_manager.models.people.person import Person
from identity_manager.models.requests.end_reason import LONGEST_REASON
from identity_manager.models.requests.software_token import SoftwareToken
from identity_manager.models.requests.token_request import TokenRequest
from identity_manager.models.requests.token_states import TokenState


class MailState(models.TextChoices):
    QUEUED = "queued", _("Waits to be sent")
    SENT = "sent", _("Sent")
    FAILED = "failed", _("Refused")
    BOUNCED = "bounced", _("Came back")
    DISCARDED = "discarded", _("Discarded")


M = MailState
IN_TROUBLE = (M.FAILED, M.BOUNCED)
# Security notices about account or identity. Officers cannot discard them.
NOTICES = frozenset(
    {
        *("sign_in_code_made", "password_set", "account_linked", "break_glass_used"),
        *("second_factor_added", "second_factor_removed", "second_factors_reset"),
        *("recovery_codes_made", "recovery_code_used"),
        *("identity_change_asked", "identity_change_done", "identity_change_dropped", "identity_taken_over"),
    }
)


class MailFault(models.TextChoices):
    """The kind of the last error. The first two pass, or are mended in the installation."""

    PASSING = "passing", _("Passing: it is tried again")
    CONFIGURATION = "configuration", _("Configuration: an operator has to mend it")
    REFUSED = "refused", _("Refused for good")
    BOUNCED = "bounced", _("Came back")


class DeliveryMode(models.TextChoices):
    """How a token's containers reach the person; the setting DELIVERY_MODE, kept on each delivery mail."""

    ATTACHMENT = "attachment", _("Attached to the mail")
    LINK = "link", _("Fetched from Self-Service")
    BOTH = "both", _("Attached, and fetched from Self-Service")


LAST_EVENT = Coalesce("last_error_at", "sent_at", "created_at")


class OutgoingMailQuerySet(LeasedQuerySet["OutgoingMail"]):
    def queued(self) -> Self:
        """Mails that are due to be sent.

        Files wait while their token is on hold or a change of the person's identity is undecided. No joins,
        so that a claim is one conditional UPDATE, which two workers cannot both win.
        """
        asked = IdentityChange.objects.waiting().filter(person=OuterRef("person"))
        held = SoftwareToken.objects.filter(pk=OuterRef("token"), state=TokenState.ON_HOLD)
        waits = Q(Exists(held)) | Q(Exists(asked))
        return self.filter(state=M.QUEUED).exclude(waits & ~Q(container_format=""))

    def discardable(self) -> Self:
        """Mails that an officer may discard: all but notices that still have a text."""
        kept = Q(message__in=NOTICES) & (~Q(body_text="") | ~Q(body_html=""))
        return self.exclude(kept)

    def with_fault(self) -> Self:
        """Mails whose last try failed; a partial index finds these few."""
        return self.filter(fault__gt="")

    def in_trouble(self) -> Self:
        """Mails that failed for good or bounced."""
        return self.with_fault().filter(state__in=IN_TROUBLE)

    def stuck(self) -> Self:
        """Mails that wait for a retry after a fault."""
        return self.with_fault().filter(state=M.QUEUED).exclude(last_error="")

    def held_up(self) -> Self:
        """Mails that wait because the mail server refuses the installation."""
        return self.with_fault().filter(state=M.QUEUED, fault=MailFault.CONFIGURATION)

    def addressed_to(self, address: str) -> Self:
        """Mails to this address, case-insensitively."""
        return self.alias(address=Lower("to_address")).filter(address=address.lower())

    def with_provider_id(self, provider_id: str) -> Self:
        """Mails with this id of the provider."""
        return self.filter(provider_id=provider_id) if provider_id else self.none()


class OutgoingMail(Stateful, Leased):
    """One logical mail, deduplicated by its occasion; sent at least once under one Message-ID.

    Attachments are not copied here: a delivery mail names its token and format, and the containers are
    attached when it is sent (unless delivery_mode is link). A mail never holds a passphrase or an unprotected
    key. waiting_since: since when it has been due, where that is later than its creation: an officer retried
    it, or what its files waited for has ended. provider_id: its id at the e-mail service provider.
    error_code: groups mails with the same error. delayed_at: when a report last said that it is delayed.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    occasion = models.CharField(max_length=200, unique=True)
    message = models.CharField(max_length=40)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    request = models.ForeignKey(TokenRequest, null=True, on_delete=models.PROTECT, related_name="mails")
    token = models.ForeignKey(SoftwareToken, null=True, on_delete=models.PROTECT, related_name="mails")
    container_format = models.CharField(max_length=16, blank=True)
    delivery_mode = models.CharField(max_length=16, choices=DeliveryMode, blank=True)
    to_address = models.CharField(max_length=254)
    language = models.CharField(max_length=8)
    subject = models.CharField(max_length=300)
    body_text = models.TextField()
    body_html = models.TextField()
    state = StateField(max_length=16, choices=MailState.choices, default=M.QUEUED, protected=True)
    created_at = models.DateTimeField(default=timezone.now)
    queued_again_at = models.DateTimeField(null=True, editable=False)
    waiting_since = models.DateTimeField(null=True, editable=False)
    sent_at = models.DateTimeField(null=True)
    provider_id = models.CharField(max_length=200, blank=True, editable=False)
    fault = models.CharField(max_length=16, choices=MailFault, blank=True, editable=False)
    error_code = models.CharField(max_length=60, blank=True, editable=False)
    delayed_at = models.DateTimeField(null=True, editable=False)
    complained_at = models.DateTimeField(null=True, editable=False)
    discard_reason = models.CharField(max_length=LONGEST_REASON, blank=True)

    objects = OutgoingMailQuerySet.as_manager()

    class Meta:
        ordering = ["created_at"]
        constraints = [state_constraint(MailState, "outgoing_mail_state")]
        indexes = [
            models.Index(fields=["next_attempt_at"], name="outgoing_mail_due", condition=Q(state="queued")),
            models.Index(fields=["state", "created_at"], name="outgoing_mail_state_time"),
            models.Index(fields=["provider_id"], name="outgoing_mail_provider_id"),
            models.Index(Lower("to_address"), name="outgoing_mail_address"),
            models.Index(fields=["created_at", "id"], name="outgoing_mail_age"),
            models.Index(fields=["message", "created_at"], name="outgoing_mail_message_age"),
            models.Index(fields=["error_code"], name="outgoing_mail_error", condition=Q(error_code__gt="")),
            models.Index(
                fields=["state", "last_error_at"], name="outgoing_mail_with_fault", condition=Q(fault__gt="")
            ),
        ]

    def __str__(self) -> str:
        return self.subject

    @property
    def dated(self) -> datetime:
        """The Date header: when it was written, or an officer last retried it."""
        return self.queued_again_at or self.created_at

    @property
    def sending_key(self) -> uuid.UUID:
        """The idempotency key of the provider: the same at each try, until an officer retries it."""
        if self.queued_again_at is None:
            return self.pk
        return uuid.uuid5(self.pk, self.queued_again_at.isoformat())

    @property
    def is_emptied(self) -> bool:
        """Whether retention has removed its text, so that it cannot be sent again."""
        return not self.body_text and not self.body_html

    @property
    def is_notice(self) -> bool:
        """Whether it is a security notice that can still be sent."""
        return self.message in NOTICES and not self.is_emptied

    @property
    def is_in_trouble(self) -> bool:
        """Whether it failed for good or bounced."""
        return self.fault != "" and self.state in IN_TROUBLE

    @property
    def is_stuck(self) -> bool:
        """Whether it waits for a retry after a fault."""
        return self.fault != "" and self.state == M.QUEUED and self.last_error != ""

    @property
    def delivers(self) -> bool:
        """Whether it delivers a token's files: attached, or by a link."""
        return bool(self.container_format)

    @property
    def carries_files(self) -> bool:
        """Whether the containers are attached."""
        return self.delivers and self.delivery_mode != DeliveryMode.LINK

    @transition(field=state, source=M.QUEUED, target=M.SENT)
    def mark_sent(self, *, provider_id: str, now: datetime) -> None:
        """The mail server has accepted it. provider_id: its id there."""
        self.sent_at = now
        self.provider_id = provider_id
        self.fault = self.error_code = ""
        self.settle_lease()

    @transition(field=state, source=M.QUEUED, target=M.FAILED)
    def mark_failed(self, *, error: str, error_code: str, now: datetime) -> None:
        """The mail server has refused it for good."""
        self._settle_with(error, MailFault.REFUSED, error_code=error_code, now=now)

    def put_off(self, *, error: str, fault: MailFault, error_code: str, now: datetime) -> None:
        """Keep it queued, with a time for the next try."""
        self.fault = fault
        self.error_code = error_code
        self.settle_later(error, now=now, code=error_code)

    @transition(field=state, source=M.SENT, target=M.BOUNCED)
    def bounce(self, *, error: str, error_code: str, now: datetime) -> None:
        """The mail was accepted, and a later report says that it was not delivered."""
        self._settle_with(error, MailFault.BOUNCED, error_code=error_code, now=now)

    @transition(field=state, source=[M.FAILED, M.BOUNCED], target=M.QUEUED)
    def queue_again(self, *, now: datetime) -> None:
        """An officer retries it."""
        self.sent_at, self.provider_id = None, ""
        self.queued_again_at = self.waiting_since = now
        self.work_is_due(now)

    @transition(field=state, source=[M.QUEUED, M.FAILED, M.BOUNCED], target=M.DISCARDED)
    def discard(self, *, reason: str) -> None:
        """The mail is discarded by an officer, or because its subject has ended."""
        self.discard_reason = reason
        self.settle_lease()

    def _settle_with(self, error: str, fault: MailFault, *, error_code: str, now: datetime) -> None:
        self.settle_lease()
        self.last_error, self.last_error_at = error, now
        self.fault, self.error_code = fault, error_code
