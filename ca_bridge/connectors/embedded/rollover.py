"""Rollover of the issuing CA, below the own root or a company's, and moving the root key offline."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.utils import timezone

from ca_bridge.connectors.embedded import authority, crls, key_store, wire
from ca_bridge.connectors.embedded.authority import ISSUING_BITS, Authority
from ca_bridge.connectors.embedded.key_store import KeyStore
from ca_bridge.connectors.embedded.models import IssuedCertificate
from ca_bridge.connectors.embedded.options import EmbeddedOptions
from ca_bridge.connectors.embedded.paths import ISSUING, ROOT
from ca_bridge.connectors.embedded.wire import Signer
from ca_bridge.contract import RevocationReason
from ca_bridge.contract_operation import ROOT_CRL_LIFETIME
from ca_bridge.errors import CaError
from ca_bridge.x509 import algorithm_strength, der
from ca_bridge.x509.der import MALFORMED, has_signed, is_root, is_self_issued

DER, PEM = serialization.Encoding.DER, serialization.Encoding.PEM
SPKI = serialization.PublicFormat.SubjectPublicKeyInfo
SHORTEST = timedelta(days=30)  # minimum remaining validity of a new issuing CA


def roll(options: EmbeddedOptions, root_key: Path | None = None) -> x509.Certificate:
    """Create a new issuing CA below the own root, which issues from now on. Raises CaError.

    root_key: the file of the root's key, where it is kept elsewhere.
    """
    ca = Authority(options)
    number = ca.generation + 1
    root = _root(ca, root_key)
    key = _next_key(ca, number)
    name = authority.issuing_name(options, number)
    certificate = authority.sign_issuing(options, name, key.public_key(), root=root)
    _put(ca, number, certificate)
    return certificate


def request(options: EmbeddedOptions) -> bytes:
    """A PKCS#10 request (PEM) for the next issuing CA, for another root to sign. Raises CaError.

    Its key waits for the certificate; a second call makes a request for the same key.
    """
    ca = Authority(options)
    number = ca.generation + 1
    signed = wire.ca_request(authority.issuing_name(options, number), _next_key(ca, number))
    return signed.public_bytes(PEM)


def accept(options: EmbeddedOptions, pem: bytes) -> x509.Certificate:
    """Install what was signed for request(): the issuing CA's certificate and all above it, up to the root.

    Returns the certificate, which issues from now on. Raises CaError with every fault that it has.
    """
    ca = Authority(options)
    number = ca.generation + 1
    if not ca.keys.holds(_named(number)):
        raise CaError(
            "No request for an issuing CA has been made.", "roll_issuing_ca --csr FILE", permanent=True
        )
    key = ca.keys.open(_named(number)).public_key()
    try:
        path = _sorted(_loaded(pem), key)
        found = [*_faults(path), *_clashes(ca, path[0])]
    except MALFORMED as error:
        raise CaError("This cannot be the next issuing CA.", str(error), permanent=True) from error
    if found:
        raise CaError("This cannot be the next issuing CA.", "; ".join(found), permanent=True)
    above = b"".join(each.public_bytes(PEM) for each in path[1:])
    _replace(Path(options.directory) / f"{_named(number)}.chain", above)
    _put(ca, number, path[0])
    return path[0]


def take_root_offline(options: EmbeddedOptions, to: Path, lifetime: timedelta) -> None:
    """Sign a CRL of the root with this validity and move the root's key elsewhere. Raises CaError."""
    ca = Authority(options)
    here = root_key_file(options)
    if here is None:
        raise CaError(
            "The root's key is in no file here.", f"{ca.keys.file(ROOT)} is not there", permanent=True
        )
    sign_root_crl(options, lifetime=lifetime)
    key_store.write(to, here.read_bytes())
    _root(ca, to)  # it opens, and is the root's
    here.unlink()


def root_key_file(options: EmbeddedOptions) -> Path | None:
    """The path of the root's key that this process sees: among the others, or moved elsewhere."""
    beside = KeyStore(options).file(ROOT)
    places = (beside, Path(options.root_key_file)) if options.root_key_file else (beside,)
    return next((each for each in places if os.access(each, os.R_OK)), None)


def sign_root_crl(options: EmbeddedOptions, *, lifetime: timedelta, root_key: Path | None = None) -> None:
    """Sign a CRL of the root with this validity. Raises CaError."""
    crls.renew(options.name, _root(Authority(options), root_key), lifetime)


def revoke(
    options: EmbeddedOptions, name: str, reason: RevocationReason, root_key: Path | None = None
) -> x509.Certificate:
    """Put a former issuing CA on the root's CRL, which invalidates all that it signed. Raises CaError.

    name: the name of its published files, without .crl.
    """
    ca = Authority(options)
    former = {authority.published_stem(options, each): each for each in ca.issuing_cas[1:]}
    if name not in former:
        raise CaError("This is no former issuing CA.", f"{name}; roll_issuing_ca comes first", permanent=True)
    path = ca.path(former[name])
    if path[1:] != ca.path(ROOT):
        raise CaError("Another root has signed this issuing CA.", _said(path[-1]), permanent=True)
    root = _root(ca, root_key)
    IssuedCertificate.objects.update_or_create(
        ca=options.name,
        request_id=former[name],
        defaults=_entry(path[0]) | {"reason": reason, "issuer": ROOT},
    )
    crls.renew(options.name, root, crls.LIFETIME if root_key is None else ROOT_CRL_LIFETIME)
    return path[0]


def _entry(certificate: x509.Certificate) -> dict[str, object]:
    """The register's entry of an issuing CA, for the root's CRL."""
    return {
        "csr_sha256": "",
        "public_key_sha256": hashlib.sha256(certificate.public_key().public_bytes(DER, SPKI)).hexdigest(),
        "serial_hex": f"{certificate.serial_number:x}",
        "certificate": b"",
        "not_after": certificate.not_valid_after_utc,
        "revoked_at": timezone.now().replace(microsecond=0),
    }


def _root(ca: Authority, key: Path | None) -> Signer:
    if key is None and not ca.keys.holds(ROOT):
        key = root_key_file(ca.options)
    if key is not None:
        return authority.signer_with(ca.certificate(ROOT), ca.keys.open_file(key), ROOT)
    if not ca.keys.holds(ROOT):
        raise CaError("The root's key is not here.", "Name its file with --root-key.", permanent=True)
    return ca.signer(ROOT)


def _named(number: int) -> str:
    return f"{ISSUING}-{number}"


def _next_key(ca: Authority, number: int) -> rsa.RSAPrivateKey:
    """The key of a pending request or an interrupted try, else a new one."""
    issuer = _named(number)
    return ca.keys.open(issuer) if ca.keys.holds(issuer) else ca.keys.make(issuer, ISSUING_BITS)


def _put(ca: Authority, number: int, certificate: x509.Certificate) -> None:
    """Write the certificate file, from which moment every process issues by the new CA."""
    path = Path(ca.options.directory) / f"{_named(number)}.crt"
    key_store.write(path, certificate.public_bytes(DER))


def _replace(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)  # of a try that broke off
    key_store.write(path, content)


# --- what came from another root


def _loaded(pem: bytes) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise CaError("These are no certificates in PEM.", str(error), permanent=True) from error


def _sorted(found: Sequence[x509.Certificate], key: rsa.RSAPublicKey) -> list[x509.Certificate]:
    """The path from the certificate of our key up to a root, from certificates in any order."""
    own = next((each for each in found if each.public_key() == key), None)
    if own is None:
        raise CaError("There is no certificate for the key of the request.", permanent=True)
    path = [
        own,
        *map(x509.load_der_x509_certificate, der.issuers_of(own, [each for each in found if each != own])),
    ]
    if not is_root(path[-1], found):
        name = path[-1].issuer.rfc4514_string()
        raise CaError("The chain up to the root is not whole.", f"{name} is missing", permanent=True)
    return path


def _faults(path: Sequence[x509.Certificate]) -> Iterator[str]:
    own, now = path[0], timezone.now()
    if len(path) == 1:
        yield "it is signed by its own key"
    if own.not_valid_after_utc < now + SHORTEST:
        yield f"it ends on {own.not_valid_after_utc:%Y-%m-%d}"
    weak = list(algorithm_strength.faults(path))
    yield from weak
    for below, above in pairwise(path):
        if not weak and not has_signed(above, below):
            yield f"{_said(above)} has not signed {_said(below)}"
    for place, each in enumerate(path):
        yield from (f"{_said(each)} {fault}" for fault in _ca_faults(each, below=path[:place]))
        if not each.not_valid_before_utc <= now <= each.not_valid_after_utc:
            yield f"{_said(each)} is not valid now"


def _ca_faults(certificate: x509.Certificate, *, below: Sequence[x509.Certificate]) -> Iterator[str]:
    """below: the CAs between this one and persons, ours included; for those that are self-issued see
    RFC 5280 4.2.1.9."""
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
        certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    except (ValueError, x509.ExtensionNotFound) as error:
        yield f"is no certificate of a CA: {error}"
        return
    if not (constraints.ca and usage.key_cert_sign and usage.crl_sign):
        yield "may not sign certificates and CRLs"
    limit = constraints.path_length
    if limit is not None and limit < sum(not is_self_issued(each) for each in below):
        yield "allows no CA below it"


def _clashes(ca: Authority, certificate: x509.Certificate) -> Iterator[str]:
    """Names that another issuer has: a CRL is matched by its issuer's name."""
    if certificate.subject in {ca.certificate(each).subject for each in (*ca.issuing_cas, ROOT)}:
        yield f"there is a CA of the name {_said(certificate)} already"


def _said(certificate: x509.Certificate) -> str:
    return certificate.subject.rfc4514_string()
