"""Options of Gmail: the roots that Google trusts for the Workspace, and the mailbox that a test reads."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from django.core.exceptions import ImproperlyConfigured

from ca_bridge.pkcs12.writer import ContainerFormat
from identity_manager.targets import service_options

FORMATS = (ContainerFormat.COMPATIBLE, ContainerFormat.STANDARD)
DEFAULTS = {
    "format": FORMATS[0].value,
    "api_url": "https://gmail.googleapis.com",
    "token_url": "https://oauth2.googleapis.com/token",
}
NEEDED = ("mailbox", "roots_file")
ADDRESSES = ("api_url", "token_url")


@dataclass(frozen=True)
class GmailOptions:
    """mailbox: an address of the Workspace, whose S/MIME settings a test reads. roots: certificates (DER)."""

    mailbox: str
    roots: tuple[bytes, ...]
    container_format: ContainerFormat
    api_url: str
    token_url: str
    timeout: int


def parse(target_id: str, given: Mapping[str, Any]) -> GmailOptions:
    """Raises ImproperlyConfigured where the options do not make a target."""
    where = f"TARGETS: {target_id}"
    said = service_options.texts(where, given, defaults=DEFAULTS, needed=NEEDED, addresses=ADDRESSES)
    if said["format"] not in FORMATS:
        raise ImproperlyConfigured(f"{where} has in options format one of {', '.join(FORMATS)}.")
    if not re.fullmatch(r"[^\s@/]+@[^\s@/]+", said["mailbox"]):
        raise ImproperlyConfigured(f"{where} needs in options mailbox as a mail address.")
    return GmailOptions(
        mailbox=said["mailbox"],
        roots=_roots(where, said["roots_file"]),
        container_format=ContainerFormat(said["format"]),
        api_url=said["api_url"].rstrip("/"),
        token_url=said["token_url"],
        timeout=service_options.timeout(where, given),
    )


def _roots(where: str, path: str) -> tuple[bytes, ...]:
    """The roots in PEM, one after the other."""
    try:
        roots = x509.load_pem_x509_certificates(Path(path).read_bytes())
    except (OSError, ValueError):
        raise ImproperlyConfigured(
            f"{where} needs in options roots_file: the roots of the Admin console in PEM."
        ) from None
    if not all(root.subject == root.issuer for root in roots):
        raise ImproperlyConfigured(f"{where} has in its roots_file a certificate that is no root.")
    return tuple(root.public_bytes(Encoding.DER) for root in roots)
