"""PKCS#12 containers of a token: each certificate with its key in each format, re-opened as a check.

The parts come from the token's own certificates (part_of) or from the key archive (recovery/act.py).
"""

import hashlib
import uuid
from dataclasses import dataclass, field

from ca_bridge import issuing
from ca_bridge.keys import keys
from ca_bridge.pkcs12 import writer as pkcs12
from identity_manager.models import Certificate, Container, SoftwareToken
from identity_manager.vault import wrapping as vault


@dataclass(frozen=True)
class ContainerPart:
    """A certificate with its key and issuers, to be put into the containers of a token.

    note: added to the friendly name, by which programs list it.
    """

    token_id: uuid.UUID
    certificate: Certificate
    key: keys.PrivateKey = field(repr=False)
    der: bytes
    chain: tuple[bytes, ...]
    facts: issuing.CertificateFacts
    note: str = ""


def part_of(certificate: Certificate) -> ContainerPart:
    """Return the part of an issued certificate, its wrapped key opened. Raises VaultError."""
    return of_key(certificate, open_key(certificate), token_id=certificate.token_id)


def of_key(
    certificate: Certificate, key: keys.PrivateKey, *, token_id: uuid.UUID, note: str = ""
) -> ContainerPart:
    """Return the part of a certificate whose key the caller has, for the containers of this token."""
    der = certificate.der
    return ContainerPart(token_id, certificate, key, der, certificate.chain, issuing.describe(der), note)


def open_key(certificate: Certificate) -> keys.PrivateKey:
    """Unwrap the certificate's private key, bound to the token's person. Raises VaultError."""
    if certificate.private_key_wrapped is None:
        raise vault.VaultError("The key of this certificate was erased.")
    plain = vault.unwrap(
        certificate.private_key_wrapped,
        purpose=vault.Purpose.PRIVATE_KEYS,
        record=certificate.pk,
        owner=certificate.token.person_id,
        or_unbound=True,
    )
    return keys.from_pkcs8(plain)


def open_passphrase(token: SoftwareToken) -> str:
    """Unwrap the token's passphrase, bound to its person. Raises VaultError."""
    if token.passphrase_wrapped is None:
        raise vault.VaultError("The passphrase of this token was erased.")
    plain = vault.unwrap(
        token.passphrase_wrapped,
        purpose=vault.Purpose.PASSPHRASES,
        record=token.pk,
        owner=token.person_id,
        or_unbound=True,
    )
    return plain.decode("ascii")


def build(part: ContainerPart, passphrase: str) -> list[Container]:
    """The containers of one certificate, one for each format, not yet saved, each re-opened as a check."""
    return [
        Container(
            token_id=part.token_id,
            certificate=part.certificate,
            format=container_format.value,
            file_name=_file_name(part, container_format),
            content=data,
            sha256=hashlib.sha256(data).hexdigest(),
        )
        for container_format in pkcs12.written_formats()
        for data in (in_format(part, passphrase, container_format),)
    ]


def in_format(part: ContainerPart, passphrase: str, container_format: pkcs12.ContainerFormat) -> bytes:
    """One certificate with its key as a PKCS#12 file, re-opened as a check."""
    data = pkcs12.build(
        key=part.key,
        certificate=part.der,
        chain=part.chain,
        friendly_name=_friendly_name(part),
        passphrase=passphrase,
        format=container_format,
    )
    pkcs12.check(
        data,
        passphrase=passphrase,
        certificate=part.der,
        key_sha256=keys.public_key_sha256(part.key),
    )
    return data


def _friendly_name(part: ContainerPart) -> str:
    """Unique for each certificate: Java's keytool overwrites entries of equal names without a word."""
    person, profile = part.certificate.token.person, part.certificate.profile
    note = f" ({part.note})" if part.note else ""
    return (
        f"{person.display_name} – {profile.name.default} "
        f"{part.facts.not_before:%Y-%m} {part.facts.serial_hex[-8:]}{note}"
    )


def _file_name(part: ContainerPart, container_format: pkcs12.ContainerFormat) -> str:
    """An ASCII name: clients disagree on encoded ones."""
    suffix = "" if container_format is pkcs12.ContainerFormat.STANDARD else f"-{container_format.value}"
    return f"{part.certificate.profile.code}-{part.facts.serial_hex[-8:].lower()}{suffix}.p12"
