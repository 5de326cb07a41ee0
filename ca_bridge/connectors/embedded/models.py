"""The embedded CA's own records: what it issued, and its present CRLs and OCSP signers."""

from django.db import models
from django.utils import timezone


class IssuedCertificate(models.Model):
    """The register. request_id is the idempotency key of the order that asked for the certificate.

    issuer: which issuing CA signed it, by its name in the CA's directory.
    """

    ca = models.CharField(max_length=40)
    issuer = models.CharField(max_length=10, db_default="issuing")
    request_id = models.CharField(max_length=100)
    csr_sha256 = models.CharField(max_length=64)
    public_key_sha256 = models.CharField(max_length=64)
    serial_hex = models.CharField(max_length=40)
    certificate = models.BinaryField()
    not_after = models.DateTimeField()
    issued_at = models.DateTimeField(default=timezone.now)
    revoked_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=30, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["ca", "request_id"], name="embedded_ca_one_per_request"),
            models.UniqueConstraint(fields=["ca", "public_key_sha256"], name="embedded_ca_one_per_key"),
            models.UniqueConstraint(fields=["ca", "serial_hex"], name="embedded_ca_serial"),
            models.CheckConstraint(
                condition=models.Q(revoked_at=None, reason="")
                | (models.Q(revoked_at__isnull=False) & ~models.Q(reason="")),
                name="embedded_ca_revoked_with_reason",
            ),
        ]
        indexes = [models.Index(fields=["ca", "revoked_at"], name="embedded_ca_revoked")]


class IssuerCertificates(models.Model):
    """An issuer's certificate and those above it (PEM), for processes that do not see the CA's directory."""

    ca = models.CharField(max_length=40)
    issuer = models.CharField(max_length=10)
    pem = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["ca", "issuer"], name="embedded_ca_certificates_per_issuer")
        ]


class Crl(models.Model):
    """The present CRL of one issuer (issuing, issuing-2, root). Its number grows (RFC 5280 5.2.3)."""

    ca = models.CharField(max_length=40)
    issuer = models.CharField(max_length=10)
    number = models.BigIntegerField(default=0)
    der = models.BinaryField(default=b"")
    this_update = models.DateTimeField(null=True, blank=True)
    next_update = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["ca", "issuer"], name="embedded_ca_crl_per_issuer")]


class OcspSigner(models.Model):
    """The delegated OCSP signer of one issuer (RFC 6960 4.2.2.2); its key is encrypted PKCS#8 (PEM)."""

    ca = models.CharField(max_length=40)
    issuer = models.CharField(max_length=10)
    certificate = models.BinaryField()
    key = models.BinaryField()
    not_after = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["ca", "issuer"], name="embedded_ca_ocsp_per_issuer")]
