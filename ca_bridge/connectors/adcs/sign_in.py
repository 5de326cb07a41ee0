"""How the pages are told who asks: by a password, by Kerberos, or by the TLS client certificate alone."""

from collections.abc import Mapping
from typing import Protocol

from ca_bridge.connection.reply import Reply
from ca_bridge.connectors.adcs.options import AdcsOptions


class SignIn(Protocol):
    """One way to sign in."""

    def headers(self, end_point: bytes) -> Mapping[str, str]:
        """What a call on this connection says (ca_bridge.connection.http.SignIn). Raises CaError."""

    def refused(self, reply: Reply) -> str:
        """Note that it was turned away; return why, for operators, as far as the reply says."""


class PasswordOrCertificate:
    """HTTP Basic, or the client certificate, which is shown at the TLS handshake."""

    def __init__(self, options: AdcsOptions) -> None:
        self._options = options

    def headers(self, _end_point: bytes) -> Mapping[str, str]:
        return self._options.sign_in()

    def refused(self, _reply: Reply) -> str:
        return ""


def sign_in(options: AdcsOptions) -> SignIn:
    """The way that the options name."""
    if options.principal:
        from ca_bridge.connectors.adcs.kerberos import (  # the extra "kerberos" is not installed everywhere
            Kerberos,
        )

        return Kerberos(options)
    return PasswordOrCertificate(options)
