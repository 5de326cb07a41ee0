"""Surplus certificates: issued, unused, at a CA that has no revocation."""

from datetime import datetime
from typing import Self

from django.db import models
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ca_bridge.models import SurplusCertificate
from ca_bridge.x509.certificates import describe
from identity_manager.models.catalogue.certificate_profile import CertificateProfile
from identity_manager.models.identifiers import new_id
from identity_manager.models.requests.certificate import Certificate
from identity_manager.models.requests.software_token import SoftwareToken


class SurplusByHandQuerySet(models.QuerySet["SurplusByHand"]):
    def to_be_revoked(self, now: datetime) -> Self:
        """Surplus certificates that are not revoked and have not expired, oldest first."""
        waiting = self.filter(flagged__revoked_at=None, not_after__gt=now)
        return waiting.order_by("since", "pk")


class SurplusByHand(models.Model):
    """A surplus certificate that an officer revokes manually. The bridge records when it is done.

    certificate: the one that was to be issued. since: when the CA refused, or could not be told.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    flagged = models.OneToOneField(SurplusCertificate, on_delete=models.PROTECT, related_name="+")
    certificate = models.ForeignKey(Certificate, on_delete=models.PROTECT, related_name="surplus")
    serial = models.CharField(max_length=40)
    issuer = models.CharField(max_length=1000)
    not_after = models.DateTimeField()
    since = models.DateTimeField(default=timezone.now)

    objects = SurplusByHandQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.issuer}, {self.serial}"

    # Lists of manual revocations show it beside Certificate rows, under the same names.

    @property
    def token(self) -> SoftwareToken:
        return self.certificate.token

    @property
    def profile(self) -> CertificateProfile:
        return self.certificate.profile

    @property
    def subject(self) -> str:
        """Subject of the certificate; its issuer once the certificate is erased."""
        kept = self.flagged.certificate
        return describe(kept).subject if kept else self.issuer

    @property
    def last_error(self) -> str:
        """The CA's error."""
        return self.flagged.trouble

    @property
    def revocation_reason_words(self) -> str | Promise:
        """Reason of the revocation, in the reader's language."""
        return _("Issued, and not used")

    @property
    def revocation_decided_at(self) -> datetime:
        """Time at which the certificate was found: nobody decides on an unused certificate."""
        return self.flagged.found_at
