"""The options of a connection to Microsoft AD CS by its web enrolment pages."""

from dataclasses import dataclass

from ca_bridge.http import HttpOptions, check_file


@dataclass(frozen=True, kw_only=True)
class AdcsOptions(HttpOptions):
    """Raises ValueError, with a sentence that names the option.

    url: up to, and with, /certsrv; always https: IIS is told a password, or asks for a client certificate.
    user, password_file: HTTP Basic, DOMAIN\\user; without them a TLS client certificate signs in.
    poll_after: seconds after which a request that waits for a CA manager is asked for again.
    """

    user: str = ""
    password_file: str = ""
    poll_after: int = 300

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.url.startswith("https://"):
            raise ValueError("url must be https.")
        if bool(self.user) != bool(self.password_file):
            raise ValueError("user and password_file go together.")
        if not self.user and not self.client_certificate_file:
            raise ValueError("Give user and password_file, or client_certificate_file and client_key_file.")
        if ":" in self.user:
            raise ValueError("user must have no colon (RFC 7617).")
        if not 5 <= self.poll_after <= 86400:
            raise ValueError("poll_after must be from 5 to 86400 seconds.")
        check_file("password_file", self.password_file, needed=False)
