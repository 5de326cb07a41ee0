"""The published CRL of one issuer (RFC 5280 5), as it was last read."""

from datetime import datetime, timedelta

from django.db import models
from django.utils.translation import gettext_lazy as _

from ca_bridge.x509.crl import CrlFault
from identity_manager.models.words import Vocabulary

# A fetched CRL may have megabytes. That of the embedded CA is a row of the database, and read each time.
FETCHED_EVERY = timedelta(minutes=15)

FAULTS = Vocabulary(
    "faults of CRLs",
    {
        CrlFault.NO_ADDRESS: _(
            "The certificate names no address of a revocation list that can be read by HTTP."
        ),
        CrlFault.UNREACHABLE: _("The revocation list cannot be fetched."),
        CrlFault.TOO_LARGE: _("The revocation list is too large to be read."),
        CrlFault.UNREADABLE: _("What is published is no complete revocation list."),
        CrlFault.NOT_BY_ISSUER: _("The revocation list is not signed by the issuer of the certificate."),
        CrlFault.OUTDATED: _("The published revocation list has expired."),
        CrlFault.NOT_CONNECTED: _("The certificate authority is not connected."),
    },
)


class IssuerCrl(models.Model):
    """Result of the last read of an issuer's CRL.

    issuer: its distinguished name as on certificates.  is_local: its CRL is read without the network.  fault:
    why the CRL could not be read or verified; empty if it was.  detail: for operators.  this_update,
    next_update: of the last CRL that was verified (RFC 5280 5.1.2.4, 5.1.2.5).
    """

    ca = models.CharField(max_length=100)
    issuer = models.CharField(max_length=500)
    looked_at = models.DateTimeField()
    is_local = models.BooleanField(db_default=False, default=False)
    this_update = models.DateTimeField(null=True)
    next_update = models.DateTimeField(null=True)
    fault = models.CharField(max_length=20, blank=True, db_default="")
    detail = models.TextField(blank=True, db_default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["ca", "issuer"], name="issuer_crl_once")]

    def __str__(self) -> str:
        return f"{self.ca}, {self.issuer}"

    def is_due(self, now: datetime) -> bool:
        """Whether to read it again: FETCHED_EVERY has passed, or it is local."""
        return self.is_local or self.looked_at <= now - FETCHED_EVERY

    @property
    def fault_words(self) -> str:
        """The fault as a sentence in the reader's language; empty without one."""
        return str(FAULTS.in_words(self.fault)) if self.fault else ""
