"""Archived keys: private keys of persons, sealed for recovery certificates."""

import uuid
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from ca_bridge.database.binary_field import BytesField
from identity_manager.models.archive.recovery_certificate import RecoveryCertificate
from identity_manager.models.catalogue.certificate_profile import CertificatePurpose
from identity_manager.models.identifiers import new_id
from identity_manager.models.people.person import Person
from identity_manager.models.requests.certificate import Certificate

if TYPE_CHECKING:
    from django_stubs_ext.db.models.manager import RelatedManager


ARCHIVABLE = (CertificatePurpose.ENCRYPTION, CertificatePurpose.COMBINED)


class ArchivedKeyQuerySet(models.QuerySet["ArchivedKey"]):
    def of_token(self, token_id: uuid.UUID) -> Self:
        """The keys of the token's certificates, without their envelopes."""
        return self.filter(certificate__token=token_id).defer("envelope_wrapped")

    def of(self, person_id: uuid.UUID) -> Self:
        """The person's keys, without their envelopes."""
        return self.filter(owner_id=person_id).defer("envelope_wrapped")


class ArchivedKey(models.Model):
    """One private key, in a CMS envelope (ca_bridge/keys/envelopes.py) that the vault wraps once more.

    purpose: of its certificate's profile; a constraint refuses keys that only sign or authenticate.
    Owner and row id are associated data (AAD) of the outer wrapping: with another owner it does not unwrap.
    moved_at: when it was last rewrapped under another key-encryption key.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    owner = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="archived_keys")
    certificate = models.ForeignKey(
        Certificate, null=True, on_delete=models.PROTECT, related_name="archived_keys"
    )
    purpose = models.CharField(
        max_length=16, choices=CertificatePurpose, db_default=CertificatePurpose.ENCRYPTION.value
    )
    public_key_sha256 = models.CharField(max_length=64, unique=True)
    envelope_wrapped = BytesField()
    archived_at = models.DateTimeField(default=timezone.now)
    moved_at = models.DateTimeField(null=True)

    recipients: "RelatedManager[ArchivedKeyRecipient]"

    objects = ArchivedKeyQuerySet.as_manager()

    class Meta:
        ordering = ["archived_at"]
        constraints = [
            models.CheckConstraint(condition=Q(purpose__in=ARCHIVABLE), name="archived_key_never_signs")
        ]

    def __str__(self) -> str:
        return self.public_key_sha256[:16]


def with_copies(certificates: QuerySet[Certificate]) -> QuerySet[Certificate]:
    """Annotate each certificate with `copy_is_kept`: whether its key is archived."""
    kept = Exists(ArchivedKey.objects.filter(certificate=OuterRef("pk")))
    return certificates.annotate(copy_is_kept=kept)  # type: ignore[no-redef]  # in the place of the property


class ArchivedKeyRecipient(models.Model):
    """A recipient of an archived key's envelope: the recovery certificate for which it was encrypted."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    key = models.ForeignKey(ArchivedKey, on_delete=models.CASCADE, related_name="recipients")
    certificate = models.ForeignKey(RecoveryCertificate, on_delete=models.PROTECT, related_name="keys")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["key", "certificate"], name="archived_key_recipient_once")
        ]

    def __str__(self) -> str:
        return f"{self.key}: {self.certificate}"
