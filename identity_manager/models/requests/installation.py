"""Installations: devices on which a person has confirmed a token, and notices about missing confirmations.

*Delivered* is the state of a mail or download; *installed* is the person's own statement for each device.
"""

from datetime import datetime, timedelta
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from identity_manager.models.identifiers import new_id
from identity_manager.models.people.person import Person, PersonState
from identity_manager.models.requests.end_reason import LONGEST_REASON
from identity_manager.models.requests.software_token import SoftwareToken
from identity_manager.models.requests.token_states import TokenState


class DeviceKind(models.TextChoices):
    """A kind of device, as people call it; install.DEVICES has the steps for versions and programs."""

    WINDOWS = "windows", _("Windows")
    MACOS = "macos", _("Mac")
    IPHONE = "iphone", _("iPhone or iPad")
    ANDROID = "android", _("Android")
    LINUX = "linux", _("Linux")
    OTHER = "other", _("Another device")


class InstallationQuerySet(models.QuerySet["Installation"]):
    def standing_of(self, token: SoftwareToken) -> Self:
        """Confirmations of the token that were not withdrawn, oldest first."""
        return self.filter(token=token, taken_back_at=None)


class Installation(models.Model):
    """A person's confirmation that a token is installed on a device; one row for each confirmation."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    token = models.ForeignKey(SoftwareToken, on_delete=models.PROTECT, related_name="installations")
    device = models.CharField(max_length=16, choices=DeviceKind)
    said_at = models.DateTimeField()
    taken_back_at = models.DateTimeField(null=True)

    objects = InstallationQuerySet.as_manager()

    class Meta:
        ordering = ["said_at", "pk"]
        constraints = [
            models.CheckConstraint(condition=Q(device__in=DeviceKind.values), name="installation_device")
        ]

    def __str__(self) -> str:
        return str(self.get_device_display())


class InstallationNoticeQuerySet(models.QuerySet["InstallationNotice"]):
    def due(self, now: datetime) -> Self:
        """Open notices that are due now; a hold and a leave pause their period."""
        rows = self.filter(ended_at=None, next_at__lte=now, token__person__state=PersonState.ACTIVE)
        return rows.exclude(token__state=TokenState.ON_HOLD)

    def to_be_revoked(self, now: datetime) -> Self:
        """Notices whose time of revocation has passed, also if the revocation is held up."""
        rows = self.filter(ended_at=None, revoke_at__lte=now, token__state=TokenState.ACTIVE)
        return rows.filter(token__person__state=PersonState.ACTIVE)

    def to_be_answered(self) -> Self:
        """Open notices that officers have as tasks."""
        rows = self.filter(ended_at=None, told_at__isnull=False)
        return rows.filter(token__state=TokenState.ACTIVE, token__person__state=PersonState.ACTIVE)

    def revoked_since(self, moment: datetime) -> Self:
        """Notices whose tokens were revoked since then, for the daily limit."""
        return self.filter(revoked_at__gte=moment)


class InstallationNotice(models.Model):
    """The notice of a token whose type has an installation rule: its period and warnings.

    asked_at: when it started; a hold moves it. next_at: when something is to be done next. mails: how many
    the person got. revoke_at: the moment that the warning names. told_at: since when an officer has it.
    ended_at: the person confirmed, the token has ended, or (ended_by) an officer left it as it is.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    token = models.OneToOneField(SoftwareToken, on_delete=models.PROTECT, related_name="installation_notice")
    asked_at = models.DateTimeField()
    next_at = models.DateTimeField(null=True)
    mails = models.PositiveSmallIntegerField(default=0)
    revoke_at = models.DateTimeField(null=True)
    told_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=LONGEST_REASON, blank=True)
    revoked_at = models.DateTimeField(null=True)

    objects = InstallationNoticeQuerySet.as_manager()

    class Meta:
        ordering = ["asked_at", "pk"]
        indexes = [
            models.Index(fields=["next_at"], name="installation_due", condition=Q(ended_at=None)),
            models.Index(
                fields=["revoke_at"],
                name="installation_revoke",
                condition=Q(revoke_at__isnull=False, ended_at=None),
            ),
            models.Index(
                fields=["told_at"],
                name="installation_told",
                condition=Q(told_at__isnull=False, ended_at=None),
            ),
            models.Index(
                fields=["revoked_at"], name="installation_revoked", condition=Q(revoked_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return str(self.token)

    def is_to_be_revoked(self, now: datetime) -> bool:
        """Whether its time of revocation has passed, also if the revocation is held up."""
        late = self.ended_at is None and self.revoke_at is not None and self.revoke_at <= now
        return late and self.token.state == TokenState.ACTIVE and self.token.person.is_active

    def prolong(self, by: timedelta) -> None:
        """Move everything that is still to come."""
        self.asked_at += by
        self.next_at = self.next_at + by if self.next_at else None
        self.revoke_at = self.revoke_at + by if self.revoke_at else None
