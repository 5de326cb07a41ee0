"""The options of a connection to django-ca."""

from dataclasses import dataclass

from ca_bridge.connection.http import HttpOptions, check_file, check_seconds


@dataclass(frozen=True, kw_only=True)
class DjangoCaOptions(HttpOptions):
    """OPTIONS of a connection to django-ca. Raises ValueError, naming the option.

    url: base URL of django-ca: https://ca.example.com/django_ca.
    user, password_file: HTTP Basic; the user has the permissions that docs/how-to/connect-django-ca.md names.
    poll_after: seconds between polls of a pending order.
    """

    user: str
    password_file: str
    poll_after: int = 5

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.user or ":" in self.user:
            raise ValueError("user must be a name without a colon (RFC 7617).")
        check_seconds("poll_after", self.poll_after, 1, 3600)
        check_file("password_file", self.password_file)
