"""Template tag of both portals for a revocation: when it was asked for, done at the CA, on the CRL.

Built in, so no template loads it; usage: templates/ui/README.md.
"""

from typing import Any

from django import template
from django.utils import timezone

from identity_manager.models import Certificate, CertificateState, IssuerCrl

register = template.Library()


@register.inclusion_tag("ui/revocation.html")
def revocation(certificate: Certificate) -> dict[str, Any]:
    """Draw the three moments of a certificate whose revocation was decided, or why one is not known.

    One statement, and only for what is revoked and on no CRL yet.
    """
    now = timezone.now()
    return {
        "certificate": certificate,
        "is_revoked": certificate.state == CertificateState.REVOKED,
        "has_ended": certificate.has_ended(now),
        "crl": IssuerCrl.objects.filter(ca=certificate.ca, issuer=certificate.issuer).first()
        if certificate.is_not_on_crl(now)
        else None,
    }
