"""The options of a connection to EJBCA's REST interface."""

import re
from dataclasses import dataclass

from ca_bridge.connection.http import HttpOptions, check_file, check_seconds

_PREFIX = re.compile(r"[A-Za-z0-9._-]{0,30}")


@dataclass(frozen=True, kw_only=True)
class EjbcaOptions(HttpOptions):
    """OPTIONS of a connection to EJBCA's REST interface. Raises ValueError, naming the option.

    url: up to, and with, /ejbca/ejbca-rest-api; always https, with a client certificate that is a member of
    a role in EJBCA.
    ca_name, end_entity_profile: their names in EJBCA; the certificate profile's name comes with each order.
    enrollment_code_file: a secret from which the enrollment code of each end entity is derived.
    username_prefix: prefix of the names of end entities, followed by the order's key.
    poll_after: seconds between polls of a request that waits for its approval.
    """

    ca_name: str
    end_entity_profile: str
    enrollment_code_file: str
    username_prefix: str = "im-"
    poll_after: int = 300

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.url.startswith("https://") or not self.client_certificate_file:
            raise ValueError("url must be https, with client_certificate_file and client_key_file.")
        for name in ("ca_name", "end_entity_profile"):
            if not getattr(self, name).strip():
                raise ValueError(f"{name} must not be empty.")
        if not _PREFIX.fullmatch(self.username_prefix):
            raise ValueError(
                "username_prefix must be at most 30 letters, digits, dots, dashes or underscores."
            )
        check_seconds("poll_after", self.poll_after, 5, 86400)
        check_file("enrollment_code_file", self.enrollment_code_file)
