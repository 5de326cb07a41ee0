"""The options of a connection to django-ca."""

from dataclasses import dataclass

from ca_bridge.connection.http import HttpOptions, check_file, check_seconds


@dataclass(frozen=True, kw_only=True)
class DjangoCaOptions(HttpOptions):
    """Raises ValueError, with a sentence that names the option.

    url: where django-ca's URLs begin: https://ca.example.com/django_ca.
    user, password_file: HTTP Basic; the user has the permissions that docs/how-to/connect-django-ca.md names.
    poll_after: seconds after which an order that waits is asked for again.
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
