"""What an e-mail service provider told about a mail after it had taken it."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Self

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager.models.mail.outgoing_mail import OutgoingMail

# How long a word about a mail that nobody knows yet is kept: the provider may be quicker than our own settle.
UNMATCHED_FOR = timedelta(days=1)


class MailEventKind(models.TextChoices):
    BOUNCED = "bounced", _("Came back")
    COMPLAINED = "complained", _("Reported as spam")


class MailEventQuerySet(models.QuerySet["MailEvent"]):
    def unmatched(self, names: Collection[str]) -> Self:
        """What was told about a mail of one of these names before its sending was written down."""
        return self.filter(mail=None, message_id__in=[name for name in names if name])

    def forgettable(self, now: datetime) -> Self:
        """What was told about mails that are not ours."""
        return self.filter(mail=None, received_at__lt=now - UNMATCHED_FOR)


class MailEvent(models.Model):
    """One word of the provider, kept once by its key, however often it is delivered.

    The recipient is not kept: the mail has it. code groups what is alike, detail is for operators.
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
