"""One batch of messages to a SIEM by TLS, confirmed by close_notify.

Syslog has no acknowledgement: sendall() returns once the kernel has the bytes, and a receiver that dies then
loses them without a word. A receiver that answers our close_notify has read all that came before it (RFC 5425
4.4, RFC 8446 6.1), so each batch has a connection of its own.

A receiver that refuses our certificate after the handshake sends a close_notify too, as rsyslog does, and has
read nothing. A quick one sends it before we send ours; a slow one closes with our bytes unread, and TCP
resets the connection.
"""

import socket
import ssl
import time
from collections.abc import Iterable
from contextlib import suppress

from django.conf import settings

from identity_manager.events.siem_configuration import SinkConfiguration

PATIENCE = 20.0  # seconds, for each step
REFUSAL = 0.05  # seconds in which a receiver nearby refuses us; and twice what the handshake took


class NotConfirmedError(Exception):
    """The batch may not have arrived; the text says why, without its content."""


def send(sink: SinkConfiguration, messages: Iterable[bytes]) -> None:
    """Send the batch and wait until the receiver confirms. Raises NotConfirmedError."""
    try:
        began = time.monotonic()
        with _connected(sink) as connection:
            patience = REFUSAL + 2 * (time.monotonic() - began)
            connection.sendall(b"".join(messages))
            _refuse_early_end(connection, sink, patience)
            with connection.unwrap() as plain:
                plain.recv(1)  # raises where the connection was reset
    except ssl.SSLCertVerificationError as error:
        raise NotConfirmedError(f"{sink.address}: its certificate: {error.verify_message}.") from error
    except ssl.SSLError as error:  # TLS 1.3 tells of a refused client certificate at the first read
        raise NotConfirmedError(f"{sink.address} broke TLS off: {error.reason or 'unknown'}.") from error
    except OSError as error:
        raise NotConfirmedError(f"{sink.address}: {error.strerror or type(error).__name__}.") from error


def _refuse_early_end(connection: ssl.SSLSocket, sink: SinkConfiguration, patience: float) -> None:
    """Raise NotConfirmedError where the receiver closes before we do."""
    connection.settimeout(patience)
    with suppress(TimeoutError):
        if not connection.recv(1):
            raise NotConfirmedError(f"{sink.address} does not accept us.")
    connection.settimeout(PATIENCE)


def _connected(sink: SinkConfiguration) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=sink.ca_file or settings.TRUSTED_CA_FILE or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if sink.certificate_file:
        context.load_cert_chain(sink.certificate_file, sink.key_file)
    plain = socket.create_connection((sink.host, sink.port), timeout=PATIENCE)
    try:
        return context.wrap_socket(plain, server_hostname=sink.host)
    except BaseException:
        plain.close()
        raise
