"""Events of the e-mail service provider about mails that it has accepted (bounces, complaints)."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Self

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager.models.mail.outgoing_mail import OutgoingMail

# How long an event without a mail is kept: it may arrive before our transaction marks the mail as sent.
UNMATCHED_FOR = timedelta(days=1)


class MailEventKind(models.TextChoices):
    BOUNCED = "bounced", _("Came back")
    DELAYED = "delayed", _("Delayed")
    COMPLAINED = "complained", _("Reported as spam")


class MailEventQuerySet(models.QuerySet["MailEvent"]):
    def unmatched(self, names: Collection[str]) -> Self:
        """Events with these provider ids that arrived before the mail was marked as sent."""
        return self.filter(mail=None, message_id__in=[name for name in names if name])

    def forgettable(self, now: datetime) -> Self:
        """Old events that match no mail."""
        return self.filter(mail=None, received_at__lt=now - UNMATCHED_FOR)


class MailEvent(models.Model):
    """One event, stored once by the key of the provider, however often it is delivered.

    The recipient is not stored: the mail has it. code groups like events, detail is for operators.
    """

    key = models.CharField(max_length=64, unique=True)
    provider = models.CharField(max_length=40)
    kind = models.CharField(max_length=16, choices=MailEventKind)
    message_id = models.CharField(max_length=200, db_index=True)
    mail = models.ForeignKey(OutgoingMail, null=True, on_delete=models.CASCADE, related_name="events")
    code = models.CharField(max_length=60)
    detail = models.CharField(max_length=500, blank=True)
    received_at = models.DateTimeField(default=timezone.now)

    objects = MailEventQuerySet.as_manager()

    class Meta:
        ordering = ["received_at", "pk"]
        constraints = [
            models.CheckConstraint(condition=models.Q(kind__in=MailEventKind.values), name="mail_event_kind")
        ]

    def __str__(self) -> str:
        return f"{self.provider}: {self.get_kind_display()}"
