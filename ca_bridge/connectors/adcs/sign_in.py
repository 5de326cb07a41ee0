"""Authentication to the pages: a password, Kerberos, or the TLS client certificate alone."""

from collections.abc import Mapping
from typing import Protocol

from ca_bridge.connection.reply import Reply
from ca_bridge.connectors.adcs.options import AdcsOptions


class SignIn(Protocol):
    """One way to authenticate."""

    def headers(self, end_point: bytes) -> Mapping[str, str]:
        """The headers of a call on this connection (ca_bridge.connection.http.SignIn). Raises CaError."""

    def refused(self, reply: Reply) -> str:
        """Note that credentials were refused; return the reason for operators, if the reply has one."""


class PasswordOrCertificate:
    """HTTP Basic, or the client certificate of the TLS handshake."""

    def __init__(self, options: AdcsOptions) -> None:
        self._options = options

    def headers(self, _end_point: bytes) -> Mapping[str, str]:
        return self._options.sign_in()

    def refused(self, _reply: Reply) -> str:
        return ""


def sign_in(options: AdcsOptions) -> SignIn:
    """The authentication that the options configure."""
    if options.principal:
        from ca_bridge.connectors.adcs.kerberos import (  # the extra "kerberos" is not installed everywhere
            Kerberos,
        )

        return Kerberos(options)
    return PasswordOrCertificate(options)
