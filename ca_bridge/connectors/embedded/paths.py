"""Certificate paths of the issuers: from the CA's directory, or from the database.

A process that signs reads the directory and copies the certificates to the database. One that does not, such
as a web process, reads them there, so that the directory with the keys can be kept from it.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ca_bridge.connectors.embedded.models import IssuerCertificates
from ca_bridge.errors import CaError

# What issuers are called in the directory and in the register; the next issuing CAs are issuing-2, issuing-3.
ROOT, ISSUING = "root", "issuing"
_GENERATION = re.compile(rf"{ISSUING}(?:-([1-9][0-9]?))?")

Certificates = tuple[x509.Certificate, ...]
Paths = dict[str, Certificates]
Loaded = TypeVar("Loaded")


def generation(issuer: str) -> int:
    """The number of an issuing CA (the first has none in its name); 0 for the root and for other names."""
    match = _GENERATION.fullmatch(issuer)
    return int(match[1] or 1) if match else 0


def of_directory(directory: Path) -> Paths:
    """Certificates by issuer. Raises CaError for an unreadable one; empty where there is no CA."""
    stems = (path.stem for path in directory.glob(f"{ISSUING}*.crt"))
    issuing = [each for each in stems if generation(each)]
    return {each: _path(directory, each) for each in (*issuing, ROOT)} if issuing else {}


def in_database(ca: str) -> dict[str, bytes]:
    """The PEM that publish() has stored."""
    rows = IssuerCertificates.objects.filter(ca=ca).values_list("issuer", "pem")
    return {issuer: bytes(pem) for issuer, pem in rows}


def parsed(found: dict[str, bytes]) -> Paths:
    """The certificates of in_database(). Raises CaError."""
    try:
        return {each: tuple(x509.load_pem_x509_certificates(pem)) for each, pem in found.items()}
    except ValueError as error:
        raise CaError("The certificate authority cannot read its certificate.", "in the database") from error


def publish(ca: str, paths: Paths) -> None:
    """Copy what the directory has to the database, if it differs."""
    there = in_database(ca)
    for issuer, path in paths.items():
        pem = b"".join(each.public_bytes(Encoding.PEM) for each in path)
        if there.get(issuer) != pem:
            IssuerCertificates.objects.update_or_create(ca=ca, issuer=issuer, defaults={"pem": pem})


def _path(directory: Path, issuer: str) -> Certificates:
    """The certificate and those above it: from its .chain file (PEM), or the root of the directory."""
    own = _read(directory / f"{issuer}.crt", x509.load_der_x509_certificate)
    if issuer == ROOT:
        return (own,)
    above = directory / f"{issuer}.chain"
    if above.exists():
        return (own, *_read(above, x509.load_pem_x509_certificates))
    return (own, _read(directory / f"{ROOT}.crt", x509.load_der_x509_certificate))


def _read(path: Path, load: Callable[[bytes], Loaded]) -> Loaded:
    try:
        return load(path.read_bytes())
    except (OSError, ValueError) as error:
        raise CaError(
            "The certificate authority cannot read its certificate.", f"{path}: {type(error).__name__}"
        ) from None
