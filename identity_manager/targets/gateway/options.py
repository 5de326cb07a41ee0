"""Options of a gateway drop: a folder, or SFTP with a pinned host key, and for whom envelopes are."""

import base64
import binascii
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from django.core.exceptions import ImproperlyConfigured

from ca_bridge.pkcs12.writer import ContainerFormat

TEXTS = ("url", "certificate_file", "host_key", "format")
FORMATS = (ContainerFormat.STANDARD, ContainerFormat.COMPATIBLE)
# Key types in a host key line (RFC 4253 6.6, RFC 5656, RFC 8709).
HOST_KEY_TYPES = frozenset(
    {
        *("ssh-ed25519", "ssh-rsa"),
        *("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"),
    }
)
SSH_PORT, SECONDS = 22, 30
SMALLEST_KEY = 2048


@dataclass(frozen=True)
class GatewayOptions:
    """host: empty for a folder of this machine. host_key: type and blob. recipient: a certificate (DER)."""

    folder: str
    host: str
    port: int
    user: str
    host_key: tuple[str, bytes]
    recipient: bytes
    container_format: ContainerFormat
    timeout: int


def parse(target_id: str, given: Mapping[str, Any]) -> GatewayOptions:
    """Raises ImproperlyConfigured where the options do not make a target."""
    where = f"TARGETS: {target_id}"
    if unknown := sorted(set(given) - {*TEXTS, "timeout"}):
        raise ImproperlyConfigured(f"{where} does not know in options {', '.join(unknown)}.")
    if wrong := [name for name in TEXTS if not isinstance(given.get(name, ""), str)]:
        raise ImproperlyConfigured(f"{where} needs in options {', '.join(wrong)} as text.")
    folder, host, port, user = _address(where, given.get("url", ""))
    timeout = given.get("timeout", SECONDS)
    if not isinstance(timeout, int) or isinstance(timeout, bool) or not 1 <= timeout <= 300:
        raise ImproperlyConfigured(f"{where} needs in options timeout as a whole number from 1 to 300.")
    container_format = given.get("format", FORMATS[0].value)
    if container_format not in FORMATS:
        raise ImproperlyConfigured(f"{where} has in options format one of {', '.join(FORMATS)}.")
    return GatewayOptions(
        folder=folder,
        host=host,
        port=port,
        user=user,
        host_key=_host_key(where, given.get("host_key", "")) if host else ("", b""),
        recipient=_recipient(where, given.get("certificate_file", "")),
        container_format=ContainerFormat(container_format),
        timeout=timeout,
    )


def _address(where: str, url: str) -> tuple[str, str, int, str]:
    """Folder, host, port and user."""
    try:
        parts = urlsplit(url)
        port = parts.port or SSH_PORT
    except ValueError:
        raise ImproperlyConfigured(f"{where} has in options url an address that cannot be read.") from None
    folder = unquote(parts.path)
    if parts.password is not None:
        raise ImproperlyConfigured(f"{where} has a password in options url: it goes into its TARGET_SECRET.")
    if parts.scheme == "file" and not parts.netloc and folder.startswith("/"):
        return folder, "", 0, ""
    if parts.scheme == "sftp" and parts.hostname and parts.username and folder:
        return folder, parts.hostname, port, unquote(parts.username)
    raise ImproperlyConfigured(f"{where} needs in options url: file:///folder, or sftp://user@host/folder.")


def _host_key(where: str, line: str) -> tuple[str, bytes]:
    """Parse `ssh-ed25519 AAAA...`, as in the output of ssh-keyscan after the host's name."""
    kind, _space, rest = line.strip().partition(" ")
    try:
        blob = base64.b64decode(rest.split(" ")[0], validate=True)
        (length,) = struct.unpack(">I", blob[:4])
    except (binascii.Error, struct.error):
        length, blob = 0, b""
    if kind not in HOST_KEY_TYPES or blob[4 : 4 + length] != kind.encode():
        raise ImproperlyConfigured(f"{where} needs in options host_key, the server's: 'ssh-ed25519 AAAA...'.")
    return kind, blob


def _recipient(where: str, path: str) -> bytes:
    """Read the gateway's certificate: RSA, with a subject key identifier, by which envelopes refer to it."""
    try:
        certificate = x509.load_pem_x509_certificate(Path(path).read_bytes())
        certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    except (OSError, ValueError):
        raise ImproperlyConfigured(
            f"{where} needs in options certificate_file: the gateway's certificate in PEM."
        ) from None
    except x509.ExtensionNotFound:
        raise ImproperlyConfigured(
            f"{where} has a certificate_file without a subject key identifier."
        ) from None
    key = certificate.public_key()
    if not isinstance(key, rsa.RSAPublicKey) or key.key_size < SMALLEST_KEY:
        raise ImproperlyConfigured(f"{where} needs a certificate_file with an RSA key of 2048 bits or more.")
    return certificate.public_bytes(Encoding.DER)
