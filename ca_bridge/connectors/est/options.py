"""The options of a connection by Enrollment over Secure Transport (RFC 7030)."""

from dataclasses import dataclass

from ca_bridge.connection.http import SignInOptions, check_seconds


@dataclass(frozen=True, kw_only=True)
class EstOptions(SignInOptions):
    """OPTIONS of a connection to a CA that speaks EST (RFC 7030). Raises ValueError, naming the option.

    url: up to, and without, /.well-known/est; always https, as RFC 7030 3.3 demands.
    labels: whether the certificate profile's name at the CA is a label in the path (RFC 7030 3.2.2).
    longest_wait: maximum seconds between polls of a pending request, whatever Retry-After says.
    """

    labels: bool = False
    longest_wait: int = 900

    def __post_init__(self) -> None:
        super().__post_init__()
        check_seconds("longest_wait", self.longest_wait, 5, 86400)
