"""Credentials of client programs: two System Administrators make one, a SHA-256 of it is stored."""

import hashlib
from datetime import datetime
from typing import Self, TypeVar

from django.db import models

from identity_manager.models.people.role import Role
from identity_manager.models.second_officer import ConsentState, SecondOfficerQuerySet, StatefulDecision

Row = TypeVar("Row", bound="ClientCredential", covariant=True)


class ClientCredentialQuerySet(SecondOfficerQuerySet[Row]):
    def usable(self, now: datetime) -> Self:
        """Credentials that are valid now: confirmed, not ended, not expired."""
        return self.filter(state=ConsentState.CONFIRMED, revoked_at=None, expires_at__gt=now)

    def of(self, secret: bytes) -> Self:
        """The row of a presented bearer token or certificate (DER), by its SHA-256."""
        return self.filter(digest=hashlib.sha256(secret).hexdigest())


class ClientCredential(StatefulDecision):
    """The credential of one client program: made by a System Administrator, confirmed by another one.

    digest: SHA-256 of the token, which has 256 random bits and is shown once, or of the certificate.
    """

    DECIDER = Role.SYSTEM_ADMINISTRATOR

    name = models.CharField(max_length=60)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True

    def is_usable(self, now: datetime) -> bool:
        """As ClientCredentialQuerySet.usable, of a row that was read."""
        is_confirmed = self.state == ConsentState.CONFIRMED
        return is_confirmed and self.revoked_at is None and self.expires_at > now
