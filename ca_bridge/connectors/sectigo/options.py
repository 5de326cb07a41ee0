"""The options of a connection to Sectigo Certificate Manager (SCM)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from ca_bridge.connection.http import HttpOptions, check_file, check_seconds

_SIGN_IN = "https://auth.sso.sectigo.com/auth/realms/apiclients/protocol/openid-connect"


@dataclass(frozen=True, kw_only=True)
class SectigoOptions(HttpOptions):
    """OPTIONS of a connection to Sectigo Certificate Manager. Raises ValueError, naming the option.

    url: up to, and with, /api.
    organization_id: number of the organisation, or department, for which certificates are ordered.
    client_id, client_secret_file, token_url: OAuth 2.0 client credentials (RFC 6749 4.4); or
    login, password_file, customer_uri: an administrator's account; customer_uri: where it signs in.
    custom_fields: name and value of the custom fields that SCM makes mandatory, equal for all orders.
    poll_after: seconds between attempts to collect a certificate.
    """

    organization_id: int
    client_id: str = ""
    client_secret_file: str = ""
    token_url: str = f"{_SIGN_IN}/token"
    login: str = ""
    password_file: str = ""
    customer_uri: str = ""
    custom_fields: Mapping[str, str] = field(default_factory=dict)
    poll_after: int = 60

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.url.startswith("https://") or not self.token_url.startswith("https://"):
            raise ValueError("url and token_url must be https: they are told a secret.")
        if not isinstance(self.organization_id, int) or self.organization_id < 1:
            raise ValueError("organization_id must be a number.")
        self._check_sign_in()
        given = self.custom_fields
        if not isinstance(given, Mapping) or not all(isinstance(each, str) for each in given.values()):
            raise ValueError("custom_fields must be an object of names and texts.")
        check_seconds("poll_after", self.poll_after, 5, 86400)

    def _check_sign_in(self) -> None:
        client, account = (
            (self.client_id, self.client_secret_file),
            (self.login, self.password_file, self.customer_uri),
        )
        if any(client) == any(account):
            raise ValueError("Give either client_id and so on, or login and so on.")
        if any(client) and not all(client):
            raise ValueError("client_id and client_secret_file go together.")
        if any(account) and not all(account):
            raise ValueError("login, password_file and customer_uri go together.")
        check_file("client_secret_file", self.client_secret_file, needed=False)
        check_file("password_file", self.password_file, needed=False)

    @property
    def token_host(self) -> str:
        """The origin of token_url."""
        parts = urlsplit(self.token_url)
        return f"{parts.scheme}://{parts.netloc}"
