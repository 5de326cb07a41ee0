"""The options of a connection to Microsoft AD CS by its web enrolment pages."""

from dataclasses import dataclass

from ca_bridge.http import SignInOptions, check_seconds


@dataclass(frozen=True, kw_only=True)
class AdcsOptions(SignInOptions):
    """Raises ValueError, with a sentence that names the option.

    url: up to, and with, /certsrv; always https: IIS is told a password, or asks for a client certificate.
    user: DOMAIN\\user.
    poll_after: seconds after which a request that waits for a CA manager is asked for again.
    """

    poll_after: int = 300

    def __post_init__(self) -> None:
        super().__post_init__()
        check_seconds("poll_after", self.poll_after, 5, 86400)
