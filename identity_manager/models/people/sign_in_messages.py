"""Records of identity providers' messages: digests against replay, and sessions for back-channel logout."""

from datetime import datetime
from typing import Any, Self

from allauth.usersessions.models import UserSession
from django.db import models


class AcceptedMessageQuerySet(models.QuerySet["AcceptedMessage", "AcceptedMessage"]):
    def over(self, now: datetime) -> Self:
        """Messages that have expired, so that their digest is no longer needed."""
        return self.filter(expires_at__lte=now)


class AcceptedMessage(models.Model):
    """A signed message that was accepted once: a SAML assertion, a logout token, a certificate sign-in.

    Its insert is the check against replay: the digest (SHA-256 of kind, issuer and id) is the primary key.
    It may be forgotten once the message itself has expired, clock skew included.
    """

    digest = models.CharField(max_length=64, primary_key=True)
    expires_at = models.DateTimeField(db_index=True)

    objects = AcceptedMessageQuerySet.as_manager()

    def __str__(self) -> str:
        return self.digest


class ProviderSession(models.Model):
    """The session at an OpenID Connect provider that a session here came from.

    Back-channel logout finds sessions by it. sid_sha256 is empty where the ID token named no `sid`.
    The database holds no foreign key: the release before this one deletes sessions without these rows.
    """

    session = models.OneToOneField[Any, Any](
        UserSession, primary_key=True, db_constraint=False, on_delete=models.CASCADE, related_name="+"
    )
    provider = models.CharField(max_length=64)
    sid_sha256 = models.CharField(max_length=64, blank=True)

    class Meta:
        indexes = [models.Index(fields=["provider", "sid_sha256"], name="provider_session_sid")]

    def __str__(self) -> str:
        return self.provider
