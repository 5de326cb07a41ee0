"""One-time sign-in codes: the first sign-in of a person who has no single sign-on."""

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone

from identity_manager.models.identifiers import new_id
from identity_manager.models.people.person import Person


class SignInCodeQuerySet(models.QuerySet["SignInCode"]):
    def usable(self, now: datetime | Now) -> Self:
        """Codes that were made, not used, not replaced by a newer one, and have not expired."""
        return self.filter(made_at__isnull=False, used_at=None, withdrawn_at=None, expires_at__gt=now)

    def opening(self, now: datetime) -> Self:
        """Codes that open something, or did: usable ones, and those that were used."""
        return self.usable(now) | self.filter(used_at__isnull=False)

    def awaiting_confirmation(self) -> Self:
        """Codes that were asked for and wait for a second officer."""
        return self.filter(needs_confirmation=True, confirmed_by=None, made_at=None, withdrawn_at=None)


class SignInCode(models.Model):
    """A one-time code for a first sign-in; only its hash is kept.

    A code that needs a second officer's confirmation is made (and shown once) after that. asked_by is null
    where who operates the machine has made it for a first officer.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="sign_in_codes")
    asked_by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(default=timezone.now)
    needs_confirmation = models.BooleanField()
    resets_second_factors = models.BooleanField(default=False)
    confirmed_by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    confirmed_at = models.DateTimeField(null=True)
    code_hash = models.CharField(max_length=200, blank=True)
    made_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    failed_attempts = models.PositiveSmallIntegerField(default=0)
    used_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)

    objects = SignInCodeQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["person"], condition=Q(used_at=None, withdrawn_at=None), name="sign_in_code_one_open"
            ),
            models.CheckConstraint(
                condition=Q(confirmed_by=None) | ~Q(confirmed_by=F("asked_by")), name="sign_in_code_four_eyes"
            ),
        ]
