"""Options of Intune: the tenant, the app that signs in, and the key of the Certificate Connector."""

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_public_key
from django.core.exceptions import ImproperlyConfigured

from ca_bridge.pkcs12.writer import ContainerFormat
from identity_manager.targets import service_options

# Graph's names of paddings, and their hash. Its Certificate Connector refuses pkcs1 and oaepSha1.
PADDINGS: dict[str, hashes.HashAlgorithm] = {
    "oaepSha512": hashes.SHA512(),
    "oaepSha384": hashes.SHA384(),
    "oaepSha256": hashes.SHA256(),
}
PURPOSES = ("smimeEncryption", "smimeSigning", "unassigned")
FORMATS = (ContainerFormat.COMPATIBLE, ContainerFormat.STANDARD)
DEFAULTS = {
    "padding": "oaepSha512",
    "purpose": "smimeEncryption",
    "format": FORMATS[0].value,
    "provider_name": "Microsoft Software Key Storage Provider",
    "key_name": "PFXEncryptionKey",
    "graph_url": "https://graph.microsoft.com",
    "login_url": "https://login.microsoftonline.com",
    "certificate_file": "",
}
NEEDED = ("tenant", "client_id", "public_key_file")
ADDRESSES = ("graph_url", "login_url")
SMALLEST_KEY = 2048
_RSA1 = b"RSA1"  # BCRYPT_RSAPUBLIC_MAGIC of a CNG RSAPUBLICBLOB


@dataclass(frozen=True)
class IntuneOptions:
    """public_key: of the connector. certificate: of the app (DER); empty where it has a client secret."""

    tenant: str
    client_id: str
    public_key: rsa.RSAPublicKey
    certificate: bytes
    key_name: str
    provider_name: str
    padding: str
    purpose: str
    container_format: ContainerFormat
    graph_url: str
    login_url: str
    timeout: int


def parse(target_id: str, given: Mapping[str, Any]) -> IntuneOptions:
    """Raises ImproperlyConfigured where the options do not make a target."""
    where = f"TARGETS: {target_id}"
    said = service_options.texts(where, given, defaults=DEFAULTS, needed=NEEDED, addresses=ADDRESSES)
    if not re.fullmatch(r"[A-Za-z0-9.-]+", said["tenant"]):
        raise ImproperlyConfigured(f"{where} needs in options tenant as a domain or an id.")
    for name, choices in (("padding", PADDINGS), ("purpose", PURPOSES), ("format", FORMATS)):
        if said[name] not in choices:
            raise ImproperlyConfigured(f"{where} has in options {name} one of {', '.join(choices)}.")
    return IntuneOptions(
        tenant=said["tenant"],
        client_id=said["client_id"],
        public_key=_public_key(where, said["public_key_file"]),
        certificate=_certificate(where, said["certificate_file"]),
        key_name=said["key_name"],
        provider_name=said["provider_name"],
        padding=said["padding"],
        purpose=said["purpose"],
        container_format=ContainerFormat(said["format"]),
        graph_url=said["graph_url"].rstrip("/"),
        login_url=said["login_url"].rstrip("/"),
        timeout=service_options.timeout(where, given),
    )


def _public_key(where: str, path: str) -> rsa.RSAPublicKey:
    """Read a file of `Export-IntunePublicKey`: PEM, or a CNG RSAPUBLICBLOB."""
    try:
        content = Path(path).read_bytes()
        key = _of_blob(content) if content[:4] == _RSA1 else load_pem_public_key(content)
    except (OSError, ValueError, struct.error, UnsupportedAlgorithm):
        raise ImproperlyConfigured(
            f"{where} needs in options public_key_file: the connector's public key, in PEM or as a CNG blob."
        ) from None
    if not isinstance(key, rsa.RSAPublicKey) or key.key_size < SMALLEST_KEY:
        raise ImproperlyConfigured(f"{where} needs a public_key_file with an RSA key of 2048 bits or more.")
    return key


def _of_blob(content: bytes) -> rsa.RSAPublicKey:
    """BCRYPT_RSAKEY_BLOB: magic, bits, lengths of exponent and modulus, two more lengths, then both."""
    _bits, exponent, modulus = struct.unpack("<III", content[4:16])
    rest = content[24:]
    if len(rest) != exponent + modulus:
        raise ValueError
    e, n = int.from_bytes(rest[:exponent], "big"), int.from_bytes(rest[exponent:], "big")
    return rsa.RSAPublicNumbers(e, n).public_key()


def _certificate(where: str, path: str) -> bytes:
    if not path:
        return b""
    try:
        return x509.load_pem_x509_certificate(Path(path).read_bytes()).public_bytes(Encoding.DER)
    except (OSError, ValueError):
        raise ImproperlyConfigured(
            f"{where} needs in options certificate_file: the app's certificate in PEM."
        ) from None
