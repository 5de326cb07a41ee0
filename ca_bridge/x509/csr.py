"""PKCS#10 requests (RFC 2986) with the full content, signed by the certificate's key."""

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ca_bridge.contract import CertificateContent
from ca_bridge.keys.keys import PrivateKey
from ca_bridge.x509.names import to_name
from ca_bridge.x509.subject_alt_names import sid_extension, to_general_name


def build(content: CertificateContent, key: PrivateKey) -> bytes:
    """Return the DER of a request for this content and key."""
    request = x509.CertificateSigningRequestBuilder(to_name(content.subject))
    for extension, critical in extensions(content):
        request = request.add_extension(extension, critical=critical)
    return request.sign(key, _digest(key)).public_bytes(serialization.Encoding.DER)


def _digest(key: PrivateKey) -> hashes.SHA256 | hashes.SHA384:
    """RFC 5480 4: the digest is as strong as the curve."""
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.key_size > 256:
        return hashes.SHA384()
    return hashes.SHA256()


def extensions(content: CertificateContent) -> list[tuple[x509.ExtensionType, bool]]:
    """Return the extensions that the content asks for, each with whether it is critical."""
    wanted: list[tuple[x509.ExtensionType, bool]] = [(key_usage(content.key_usage), True)]
    if content.extended_key_usage:
        usages = [x509.ObjectIdentifier(dotted) for dotted in content.extended_key_usage]
        wanted.append((x509.ExtendedKeyUsage(usages), False))
    if content.subject_alt_names:
        names = [to_general_name(kind, value) for kind, value in content.subject_alt_names]
        wanted.append((x509.SubjectAlternativeName(names), False))
    if content.policies:
        oids = [x509.ObjectIdentifier(dotted) for dotted in content.policies]
        policies = [x509.PolicyInformation(oid, None) for oid in oids]
        wanted.append((x509.CertificatePolicies(policies), False))
    if content.sid is not None:
        wanted.append((sid_extension(content.sid), False))
    return wanted


def key_usage(names: tuple[str, ...]) -> x509.KeyUsage:
    """Return the extension keyUsage (RFC 5280 4.2.1.3) with the bits of these names."""
    return x509.KeyUsage(
        digital_signature="digitalSignature" in names,
        content_commitment="nonRepudiation" in names,
        key_encipherment="keyEncipherment" in names,
        data_encipherment="dataEncipherment" in names,
        key_agreement="keyAgreement" in names,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
