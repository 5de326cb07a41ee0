"""Published files of the embedded CA: CRLs and issuer certificates."""

from cryptography.hazmat.primitives.serialization import Encoding

from ca_bridge.connectors.embedded import authority, crls
from ca_bridge.connectors.embedded.authority import Authority
from ca_bridge.connectors.embedded.paths import ROOT


def published(ca: Authority, file_name: str) -> tuple[str, bytes] | None:
    """Content type and content of NAME.crl, .crt or .pem; None if there is none.

    NAME-root is the root, NAME-g2 the second issuing CA.
    """
    stem, _dot, suffix = file_name.rpartition(".")
    stems = {authority.published_stem(ca.options, each): each for each in (*ca.issuing_cas, ROOT)}
    issuer = stems.get(stem)
    if issuer is None:
        return None
    match suffix:
        case "crl":
            return "application/pkix-crl", _crl(ca, issuer)
        case "crt":
            return "application/pkix-cert", ca.certificate(issuer).public_bytes(Encoding.DER)
        case "pem":
            return "application/x-pem-file", ca.certificate(issuer).public_bytes(Encoding.PEM)
    return None


def _crl(ca: Authority, issuer: str) -> bytes:
    """The CRL; the first one is signed now, in a process that signs. Raises CaError."""
    crl = crls.present(ca.options.name, issuer)
    return bytes(crl.der) if crl else crls.renew(ca.options.name, ca.signer(issuer))
