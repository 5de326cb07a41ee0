"""Keys known to be compromised: nothing is issued or imported for them any more."""

from collections.abc import Collection
from typing import Self

from django.db import models
from django.utils import timezone

from identity_manager.models.people.person import Person


class BlockedKeyQuerySet(models.QuerySet["BlockedKey"]):
    def among(self, keys: Collection[str]) -> Self:
        """Rows of these keys (SHA-256 of the SubjectPublicKeyInfo, lower-case hexadecimal)."""
        return self.filter(pk__in=keys)


class BlockedKey(models.Model):
    """A public key that was revoked as compromised (RFC 5280 5.3.1, keyCompromise).

    public_key_sha256: SHA-256 of its SubjectPublicKeyInfo. A key that was made here is never certified twice
    in any case (unique on orders and certificates); this row also stops one that comes from elsewhere.
    """

    public_key_sha256 = models.CharField(max_length=64, primary_key=True)
    blocked_at = models.DateTimeField(default=timezone.now)
    blocked_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    note = models.TextField()

    objects = BlockedKeyQuerySet.as_manager()

    def __str__(self) -> str:
        return self.public_key_sha256[:16]
