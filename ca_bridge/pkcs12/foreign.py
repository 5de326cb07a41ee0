"""PKCS#12 files of other programs: all their keys, each with its certificates.

The file is untrusted, so its iteration counts are bounded before any key is derived. Keys and certificates
are matched by SubjectPublicKeyInfo: localKeyId is often wrong, and several certificates may have one key.
Certificates without a key, mostly of issuers, are left out.
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from asn1crypto import pkcs12
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_der_private_key
from django.utils.translation import gettext_lazy as _

from ca_bridge.errors import CaError, ForeignFileError
from ca_bridge.keys import soundness
from ca_bridge.keys.keys import PrivateKey, public_key_sha256
from ca_bridge.pkcs12 import decryption, mac
from ca_bridge.pkcs12.decryption import ContainerError
from ca_bridge.x509 import certificates

MOST_OCTETS = 1024 * 1024
MOST_ITERATIONS = 5_000_000
MOST_ITERATIONS_IN_ALL = 20_000_000

TOO_LARGE = ("file-too-large", _("The file is larger than 1 MiB."))
TOO_MANY_ITERATIONS = (
    "too-many-iterations",
    _("The file says that its key is derived in more steps than any program uses, so it is not opened."),
)
NO_PKCS12 = ("no-pkcs12", _("This is no PKCS#12 file, or it is damaged."))
JAVA_KEYSTORE = (
    "java-keystore",
    _("This is a JKS file of Java. Convert it to PKCS#12: keytool -importkeystore."),
)
TEXT_FILE = (
    "pem-file",
    _("This is a PEM file. Convert key and certificate: openssl pkcs12 -export."),
)
RECOVERY_BLOB = (
    "recovery-blob",
    _("This is a recovery blob of AD CS. Its key comes out by: certutil -recoverkey."),
)
WRONG_PASSWORD = ("wrong-password", _("The password does not open the file."))
UNKNOWN_ENCRYPTION = ("unknown-encryption", _("The file is encrypted in a way that is not known here."))
DAMAGED = ("damaged-file", _("The password is right, but what the file holds cannot be read."))
UNPROVEN = (
    "unproven-file",
    _("The file has no MAC, and no key in it fits a certificate in it, so nothing says that it is whole."),
)
UNKNOWN_KEY = ("unknown-key", _("A key in the file is neither RSA nor EC."))
UNSOUND_KEY = ("unsound-key", _("The key does not work: its numbers do not belong together."))
FAULTS = dict(
    (
        *(TOO_LARGE, TOO_MANY_ITERATIONS, NO_PKCS12, JAVA_KEYSTORE, TEXT_FILE, RECOVERY_BLOB, WRONG_PASSWORD),
        *(UNKNOWN_ENCRYPTION, DAMAGED, UNPROVEN, UNKNOWN_KEY, UNSOUND_KEY),
    )
)

_KEYSTORES = (b"\xfe\xed\xfe\xed", b"\xce\xce\xce\xce")
_SIGNED_DATA = bytes.fromhex("06092a864886f70d010702")
_ENVELOPED_DATA = bytes.fromhex("06092a864886f70d010703")
_PUBLIC_KEY_CMS = (_SIGNED_DATA, _ENVELOPED_DATA)
# Exceptions of asn1crypto for malformed DER or BER, and for nesting that is too deep.
_UNPARSABLE = (ValueError, TypeError, KeyError, AttributeError, OverflowError, IndexError, RecursionError)


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A private key that is not checked yet (check_soundness), and the certificates of its public half."""

    key: PrivateKey
    pkcs8: bytes
    certificates: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class ForeignFile:
    """Content of a file. unmatched: number of keys without a certificate. has_mac: a MAC was verified."""

    keys: tuple[ForeignKey, ...]
    unmatched: int
    has_mac: bool


@dataclass(slots=True)
class _Budget:
    """Key derivation iterations that may still be spent on one file."""

    left: int = MOST_ITERATIONS_IN_ALL

    def spend(self, iterations: int) -> None:
        if not 0 < iterations <= MOST_ITERATIONS or iterations > self.left:
            raise ForeignFileError(TOO_MANY_ITERATIONS)
        self.left -= iterations


def read(content: bytes, password: str) -> ForeignFile:
    """Open a file. Raises ForeignFileError.

    The password is tried as it is, then in Unicode NFC.
    """
    try:
        return _read(content, password)
    except ForeignFileError as error:
        composed = unicodedata.normalize("NFC", password)
        if error.code != WRONG_PASSWORD[0] or composed == password:
            raise
    return _read(content, composed)


def is_pkcs12(content: bytes) -> bool:
    """Whether it has the structure of a PKCS#12 file; nothing is derived."""
    try:
        _parsed(content)
    except ForeignFileError:
        return False
    return True


def check_soundness(key: ForeignKey) -> None:
    """Check that a private key is consistent (`soundness`). Raises ForeignFileError."""
    if not soundness.is_sound(key.key, key.pkcs8):
        raise ForeignFileError(UNSOUND_KEY)


def _read(content: bytes, password: str) -> ForeignFile:
    pfx, data, infos = _parsed(content)
    budget = _Budget()
    has_mac = _has_mac(pfx)
    try:
        if has_mac:
            budget.spend(mac.iterations(pfx["mac_data"]))
        for algorithm in _outer_encryptions(infos):
            budget.spend(decryption.iterations(algorithm))
    except _UNPARSABLE:
        raise ForeignFileError(UNKNOWN_ENCRYPTION) from None
    try:
        if has_mac and not mac.verifies(pfx["mac_data"], data, password):
            raise ForeignFileError(WRONG_PASSWORD)
        bags = list(_bags(infos, password, budget))
    except ContainerError:
        raise ForeignFileError(UNKNOWN_ENCRYPTION) from None
    except _UNPARSABLE:
        raise ForeignFileError(DAMAGED if has_mac else WRONG_PASSWORD) from None
    return _matched(bags, has_mac=has_mac)


def _parsed(content: bytes) -> tuple[Any, bytes, list[Any]]:
    """The file, what its MAC covers, and its parts."""
    if len(content) > MOST_OCTETS:
        raise ForeignFileError(TOO_LARGE)
    try:
        pfx = pkcs12.Pfx.load(content, strict=True)
        if pfx["version"].native != "v3" or pfx["auth_safe"]["content_type"].native != "data":
            raise ValueError("another structure")
        data = pfx["auth_safe"]["content"].native
        infos = list(pkcs12.AuthenticatedSafe.load(data, strict=True))
        for info in infos:
            if _is_plain(info):
                pkcs12.SafeContents.load(info["content"].native, strict=True)
    except _UNPARSABLE:
        raise ForeignFileError(_what_else(content)) from None
    return pfx, data, infos


def _what_else(content: bytes) -> tuple[str, Any]:
    """Code and sentence of the error for another file format that people take for PKCS#12."""
    beginning = content.lstrip()[:64]
    if content[:4] in _KEYSTORES:
        return JAVA_KEYSTORE
    if any(each in content[:32] for each in _PUBLIC_KEY_CMS) or b"BEGIN PKCS7" in beginning:
        return RECOVERY_BLOB
    return TEXT_FILE if beginning.startswith(b"-----BEGIN") else NO_PKCS12


def _has_mac(pfx: Any) -> bool:
    return pfx["mac_data"].native is not None


def _is_plain(info: Any) -> bool:
    return bool(info["content_type"].native == "data")


def _outer_encryptions(infos: list[Any]) -> Iterator[Any]:
    """The encryption algorithms that are readable without the password."""
    for info in infos:
        if info["content_type"].native == "encrypted_data":
            yield info["content"]["encrypted_content_info"]["content_encryption_algorithm"]
        elif _is_plain(info):
            for bag in pkcs12.SafeContents.load(info["content"].native, strict=True):
                if bag["bag_id"].native == "pkcs8_shrouded_key_bag":
                    yield bag["bag_value"]["encryption_algorithm"]


def _bags(infos: list[Any], password: str, budget: _Budget) -> Iterator[tuple[str, bytes]]:
    """Each key (PKCS#8) and X.509 certificate; other bags, such as CRLs and secrets, are skipped."""
    for info in infos:
        plain = _is_plain(info)
        if plain:
            safe = info["content"].native
        elif info["content_type"].native == "encrypted_data":
            encrypted = info["content"]["encrypted_content_info"]
            text = encrypted["encrypted_content"].native
            safe = _decrypted(encrypted["content_encryption_algorithm"], text, password, budget)
        else:
            raise ContainerError("A part of the file is encrypted for a certificate.")
        for bag in pkcs12.SafeContents.load(safe, strict=True):
            yield from _bag(bag, password, budget, is_counted=plain)


def _decrypted(algorithm: Any, data: bytes, password: str, budget: _Budget) -> bytes:
    """The plaintext; raises ValueError. With some salts gpgsm writes what another key opens (decision 15)."""
    try:
        return decryption.decrypt(algorithm, data, password)
    except ValueError:
        if algorithm["algorithm"].native == "pbes2":
            raise
        budget.spend(decryption.iterations(algorithm))
        return decryption.decrypt(algorithm, data, password, as_gpgsm=True)


def _bag(bag: Any, password: str, budget: _Budget, *, is_counted: bool) -> Iterator[tuple[str, bytes]]:
    """Decode one bag. is_counted: not for bags in an encrypted part, whose iterations nobody saw before."""
    kind, value = bag["bag_id"].native, bag["bag_value"]
    if kind == "pkcs8_shrouded_key_bag":
        algorithm = value["encryption_algorithm"]
        if not is_counted:
            budget.spend(decryption.iterations(algorithm))
        yield "key", _decrypted(algorithm, value["encrypted_data"].native, password, budget)
    elif kind == "key_bag":
        yield "key", value.untag().dump()
    elif kind == "cert_bag" and value["cert_id"].native == "x509":
        yield "certificate", value["cert_value"].parsed.dump()


def _matched(bags: list[tuple[str, bytes]], *, has_mac: bool) -> ForeignFile:
    found: dict[bytes, list[bytes]] = {}
    for kind, der in bags:
        if kind == "certificate" and (digest := _public_key_of(der)) is not None:
            known = found.setdefault(digest, [])
            known += [] if der in known else [der]
    keys: dict[bytes, ForeignKey] = {}
    for kind, der in bags:
        if kind == "key":
            key = _loaded(der)
            digest = public_key_sha256(key)
            keys[digest] = ForeignKey(key, der, tuple(found.get(digest, ())))
    matched = tuple(each for each in keys.values() if each.certificates)
    if not has_mac and not matched:
        raise ForeignFileError(UNPROVEN)
    return ForeignFile(matched, len(keys) - len(matched), has_mac)


def _public_key_of(der: bytes) -> bytes | None:
    """The SubjectPublicKeyInfo; None for a malformed certificate, which does not spoil the whole file."""
    try:
        return certificates.describe(der).public_key_sha256
    except CaError:
        return None


def _loaded(der: bytes) -> PrivateKey:
    try:
        key = load_der_private_key(der, None, unsafe_skip_rsa_key_validation=True)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ForeignFileError(DAMAGED) from None
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise ForeignFileError(UNKNOWN_KEY)
    return key
