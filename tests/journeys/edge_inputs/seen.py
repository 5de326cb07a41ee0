"""What an approver saw of a request, and what its certificates say: they must be the same names."""

from cryptography import x509

from ca_bridge import issuing
from ca_bridge.x509.names import to_name
from identity_manager.models import Certificate, TokenRequest
from identity_manager.workflow import snapshot

Names = tuple[x509.Name, tuple[tuple[str, str], ...]]


def seen_names(request: TokenRequest) -> Names:
    """Subject and alternative names as the pages of approver and person show them: the snapshot's."""
    (certificate,) = Certificate.objects.filter(token__request=request)
    content = snapshot.content_of(certificate)
    return to_name(content.subject), tuple(sorted(tuple(pair) for pair in content.subject_alt_names))


def issued_names(certificate: Certificate) -> Names:
    """The same, as they stand in the DER that the CA signed."""
    signed = x509.load_der_x509_certificate(certificate.der)
    facts = issuing.describe(certificate.der)
    return signed.subject, tuple(sorted(tuple(pair) for pair in facts.subject_alt_names))
