"""Expiry of the portals' TLS certificates, read from a connection to each portal's address."""

import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from cryptography import x509
from django.conf import settings

ENDS_SOON = timedelta(days=21)
SECONDS = 10


class EndsSoonError(Exception):
    """The certificate of a portal has ended or ends soon."""


def look() -> str:
    """Job: return the end of each portal's certificate, in a sentence. Raises EndsSoonError.

    The chain is not verified: that is for browsers and the doctor. A portal that this host cannot reach is no
    error, because networks may be divided.
    """
    ends = list(_ends())
    soon = [f"{host} {end:%Y-%m-%d}" for host, end in ends if end and end < datetime.now(UTC) + ENDS_SOON]
    if soon:
        raise EndsSoonError(f"Renew the TLS certificate: {', '.join(soon)}.")
    return ", ".join(f"{host} {end:%Y-%m-%d}" if end else f"{host} ?" for host, end in ends)


def _ends() -> Iterator[tuple[str, datetime | None]]:
    addresses = (urlsplit(each) for each in (settings.CONSOLE_BASE_URL, settings.SELFSERVICE_BASE_URL))
    for host, port in dict.fromkeys(
        (each.hostname, each.port) for each in addresses if each.scheme == "https"
    ):
        if host:
            yield host, _end(host, port or 443)


def _end(host: str, port: int) -> datetime | None:
    """The notAfter of the certificate shown at that address; None if nobody answers."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # an ended one is shown, too
    try:
        with (
            socket.create_connection((host, port), timeout=SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=host) as secured,
        ):
            der = secured.getpeercert(binary_form=True)
    except OSError:
        return None
    return x509.load_der_x509_certificate(der).not_valid_after_utc if der else None
