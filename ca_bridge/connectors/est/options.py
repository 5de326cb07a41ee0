"""The options of a connection by Enrollment over Secure Transport (RFC 7030)."""

from dataclasses import dataclass

from ca_bridge.http import HttpOptions, check_file


@dataclass(frozen=True, kw_only=True)
class EstOptions(HttpOptions):
    """Raises ValueError, with a sentence that names the option.

    url: up to, and without, /.well-known/est; always https, as RFC 7030 3.3 demands.
    labels: whether the certificate profile's name at the CA is a label in the path (RFC 7030 3.2.2).
    user, password_file: HTTP Basic; without them a TLS client certificate signs in.
    longest_wait: seconds after which a request that waits is asked for again, whatever Retry-After says.
    """

    labels: bool = False
    user: str = ""
    password_file: str = ""
    longest_wait: int = 900

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.url.startswith("https://"):
            raise ValueError("url must be https: EST has no other way.")
        if bool(self.user) != bool(self.password_file):
            raise ValueError("user and password_file go together.")
        if not self.user and not self.client_certificate_file:
            raise ValueError("Give user and password_file, or client_certificate_file and client_key_file.")
        if ":" in self.user:
            raise ValueError("user must have no colon (RFC 7617).")
        if not 5 <= self.longest_wait <= 86400:
            raise ValueError("longest_wait must be from 5 to 86400 seconds.")
        check_file("password_file", self.password_file, needed=False)
