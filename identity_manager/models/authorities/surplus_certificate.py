"""What a CA issued beside what is used, and cannot be told to revoke."""

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
        """Those that nobody has revoked yet, and that have not ended, oldest first."""
        waiting = self.filter(flagged__revoked_at=None, not_after__gt=now)
        return waiting.order_by("since", "pk")


class SurplusByHand(models.Model):
    """One that an officer has revoked at its CA by hand. The bridge knows whether that is done.

    certificate: the one that was wanted when it was issued.  since: when the CA could not be told.
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

    # In the list of what is revoked by hand it stands beside certificates that were used, with their columns.

    @property
    def token(self) -> SoftwareToken:
        return self.certificate.token

    @property
    def profile(self) -> CertificateProfile:
        return self.certificate.profile

    @property
    def subject(self) -> str:
        """Whose it is; once it is kept no longer, who issued it."""
        kept = self.flagged.certificate
        return describe(kept).subject if kept else self.issuer

    @property
    def last_error(self) -> str:
        """What the CA said when it refused."""
        return self.flagged.trouble

    @property
    def revocation_reason_words(self) -> str | Promise:
        """Why it is revoked, in the reader's language."""
        return _("Issued, and not used")

    @property
    def revocation_decided_at(self) -> datetime:
        """Nobody decides it: what is not used is revoked when it is found."""
        return self.flagged.found_at
