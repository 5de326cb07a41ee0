"""The outbox: mails to be sent, and what became of them."""

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_fsm import FSMField, transition

from ca_bridge.state import Stateful, state_constraint
from identity_manager.models.identifiers import new_id
from identity_manager.models.lease import Leased, LeasedQuerySet
from identity_manager.models.person import Person
from identity_manager.models.software_token import SoftwareToken
from identity_manager.models.token_request import TokenRequest


class MailState(models.TextChoices):
    QUEUED = "queued", _("Waits to be sent")
    SENT = "sent", _("Sent")
    FAILED = "failed", _("Refused")
    DISCARDED = "discarded", _("Discarded")


M = MailState


class OutgoingMailQuerySet(LeasedQuerySet["OutgoingMail"]):
    def queued(self) -> Self:
        """Mails that have to go out."""
        return self.filter(state=M.QUEUED)


class OutgoingMail(Stateful, Leased):
    """One logical mail, by its occasion; it is sent at least once under one Message-ID.

    Attachments are not copied here: a delivery mail names its token and format, and the containers are
    attached when it is sent. A mail never holds a passphrase or an unprotected key.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    occasion = models.CharField(max_length=200, unique=True)
    message = models.CharField(max_length=40)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    request = models.ForeignKey(TokenRequest, null=True, on_delete=models.PROTECT, related_name="mails")
    token = models.ForeignKey(SoftwareToken, null=True, on_delete=models.PROTECT, related_name="mails")
    container_format = models.CharField(max_length=16, blank=True)
    to_address = models.CharField(max_length=254)
    language = models.CharField(max_length=8)
    subject = models.CharField(max_length=300)
    body_text = models.TextField()
    body_html = models.TextField()
    state = FSMField(max_length=16, choices=MailState.choices, default=M.QUEUED, protected=True)
    created_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True)

    objects = OutgoingMailQuerySet.as_manager()

    class Meta:
        ordering = ["created_at"]
        constraints = [state_constraint(MailState, "outgoing_mail_state")]
        indexes = [
            models.Index(fields=["next_attempt_at"], name="outgoing_mail_due", condition=Q(state="queued"))
        ]

    def __str__(self) -> str:
        return self.subject

    @transition(field=state, source=M.QUEUED, target=M.SENT)
    def mark_sent(self, *, now: datetime) -> None:
        """The mail server took it."""
        self.sent_at = now
        self.settle_lease()

    @transition(field=state, source=M.QUEUED, target=M.FAILED)
    def mark_failed(self, *, error: str, now: datetime) -> None:
        """The mail server refused it for good."""
        self.settle_lease()
        self.last_error = error
        self.last_error_at = now

    @transition(field=state, source=M.FAILED, target=M.QUEUED)
    def queue_again(self, *, now: datetime) -> None:
        """An officer has it tried again."""
        self.work_is_due(now)

    @transition(field=state, source=[M.QUEUED, M.FAILED], target=M.DISCARDED)
    def discard(self) -> None:
        """An officer, or what it was about, made it pointless."""
        self.settle_lease()
