"""Recoveries: archived keys that are opened and put into new containers for somebody."""

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager.models.archive.archived_key import ArchivedKey
from identity_manager.models.archive.recovery_certificate import RecoveryCertificate
from identity_manager.models.identifiers import new_id
from identity_manager.models.people.person import Person
from identity_manager.models.requests.states import RequestState
from identity_manager.models.requests.token_request import TokenRequest

if TYPE_CHECKING:
    from django_stubs_ext.db.models.manager import RelatedManager


class Opening(models.TextChoices):
    ONLINE = "online", _("by its owner, with an online recovery key")
    OFFICERS = "officers", _("by two Recovery Officers")


class OwnerConsent(models.TextChoices):
    NOT_ASKED = "not-asked", _("not asked")
    ASKED = "asked", _("asked, no answer yet")
    GIVEN = "given", _("agreed")
    REFUSED = "refused", _("did not agree")


class RecoveryQuerySet(models.QuerySet["Recovery"]):
    def awaiting_owner(self, owner: Any) -> Self:
        """Recoveries that wait for this owner's consent and have handed out no key yet."""
        states = (RequestState.REQUESTED, RequestState.APPROVED, RequestState.ISSUING, RequestState.FAILED)
        return self.filter(owner=owner, consent=OwnerConsent.ASKED, request__state__in=states)


class Recovery(models.Model):
    """Recovery of archived keys, one-to-one with a request of kind *recovery*.

    The request's person is the beneficiary, who gets the files. owner: the person whose keys they are.
    purpose: the reason, as the requester wrote it. reference and expires_at: case number and expiry of a
    recovery that officers open. factor: primary key of the second factor that the owner used when they
    requested an online recovery. opened_with: the recovery certificate whose key opens the archived keys, set
    once two officers have decided. consent: the owner's answer where a third person is to get the keys.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    request = models.OneToOneField(TokenRequest, on_delete=models.PROTECT, related_name="recovery")
    owner = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="recoveries")
    opening = models.CharField(max_length=16, choices=Opening)
    purpose = models.TextField(_("reason"))
    reference = models.CharField(_("reference number"), max_length=40, blank=True)
    expires_at = models.DateTimeField(_("ends"), null=True)
    factor = models.BigIntegerField(null=True)
    consent = models.CharField(
        _("consent of the owner"),
        max_length=16,
        choices=OwnerConsent,
        default=OwnerConsent.NOT_ASKED,
        db_default=OwnerConsent.NOT_ASKED,
    )
    consent_at = models.DateTimeField(null=True)
    opened_with = models.ForeignKey(
        RecoveryCertificate, null=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)

    keys: "RelatedManager[RecoveredKey]"
    objects = RecoveryQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(condition=Q(opening__in=Opening.values), name="recovery_opening"),
            models.CheckConstraint(
                condition=~Q(opening=Opening.ONLINE) | Q(factor__isnull=False), name="recovery_online_factor"
            ),
            models.CheckConstraint(condition=Q(consent__in=OwnerConsent.values), name="recovery_consent"),
        ]

    def __str__(self) -> str:
        return str(self.request)

    @property
    def is_for_another(self) -> bool:
        """Whether the beneficiary is somebody other than the owner."""
        return self.owner_id != self.request.person_id

    @property
    def last_day(self) -> date | None:
        """The last day before expiry, in the time zone of the installation; None if it does not expire."""
        if self.expires_at is None:
            return None
        return timezone.localdate(self.expires_at - timedelta(seconds=1), timezone.get_default_timezone())

    def is_over(self, now: datetime) -> bool:
        """Whether it has expired: no key of it is opened or handed out any more."""
        return self.expires_at is not None and self.expires_at <= now


class RecoveredKeyQuerySet(models.QuerySet["RecoveredKey"]):
    def no_longer_open(self) -> Self:
        """Keys with a stale `is_open`: no token of their recovery is open any more."""
        open_tokens = TokenRequest.objects.filter(tokens__is_open=True)
        return self.filter(is_open=True).exclude(recovery__request__in=open_tokens)


class RecoveredKey(models.Model):
    """One archived key of a recovery. The row stays when the archived key is erased.

    beneficiary and is_open are denormalised for a unique constraint: a beneficiary has at most one open
    recovery of a key. Opening the next one clears `is_open` on finished ones (`no_longer_open`).
    for_reading_only: its certificate was no longer in use, so the key serves to decrypt old mail only.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    recovery = models.ForeignKey(Recovery, on_delete=models.CASCADE, related_name="keys")
    archived_key = models.ForeignKey(
        ArchivedKey, null=True, on_delete=models.SET_NULL, related_name="recoveries"
    )
    public_key_sha256 = models.CharField(max_length=64)
    beneficiary = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    is_open = models.BooleanField(default=True)
    for_reading_only = models.BooleanField()

    objects = RecoveredKeyQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["recovery", "public_key_sha256"], name="recovered_key_once"),
            models.UniqueConstraint(
                fields=["beneficiary", "public_key_sha256"],
                condition=Q(is_open=True),
                name="recovered_key_one_open_recovery",
            ),
        ]

    def __str__(self) -> str:
        return self.public_key_sha256[:16]
