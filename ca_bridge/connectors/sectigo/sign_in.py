"""Authenticated calls of Sectigo Certificate Manager: an OAuth 2.0 token, or three headers."""

import threading
import time
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode, urlsplit

from ca_bridge.connection.http import Http, Method, secret
from ca_bridge.connection.reply import Reply
from ca_bridge.connectors.sectigo.options import SectigoOptions

_USED_FOR = 2 / 3  # of a token's life
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True, slots=True)
class _Token:
    value: str
    until: float  # monotonic seconds


class Scm:
    """Calls with the present token. Thread-safe."""

    def __init__(self, options: SectigoOptions) -> None:
        self._options = options
        self._http = Http(options)
        self._tokens = Http(replace(options, url=options.token_host))
        self._token: _Token | None = None
        self._lock = threading.Lock()

    def call(self, method: Method, path: str, *, data: Any = None, orders: bool = False) -> Reply:
        """Call; once more with a new token where it was refused (401), as nothing was done then."""
        reply = self._http.call(method, path, data=data, headers=self._headers(), orders=orders)
        if reply.status == 401 and self._options.client_id:
            with self._lock:
                self._token = None
            reply = self._http.call(method, path, data=data, headers=self._headers(), orders=orders)
        return reply

    def _headers(self) -> dict[str, str]:
        options = self._options
        if options.client_id:
            return {"Authorization": f"Bearer {self._present().value}"}
        password = secret(options.password_file)
        return {"login": options.login, "password": password, "customerUri": options.customer_uri}

    def _present(self) -> _Token:
        with self._lock:
            if self._token is None or time.monotonic() >= self._token.until:
                self._token = self._fetched()
            return self._token

    def _fetched(self) -> _Token:
        """Client credentials (RFC 6749 4.4), in the body as Sectigo takes them."""
        form = {
            "grant_type": "client_credentials",
            "client_id": self._options.client_id,
            "client_secret": secret(self._options.client_secret_file),
        }
        path = urlsplit(self._options.token_url).path
        reply = self._tokens.call("POST", path, data=urlencode(form).encode(), headers=_FORM)
        if not reply.ok:
            # RFC 6749 5.2: a client that is not known is answered with 400 or 401.
            raise reply.not_taken() if reply.status != 400 else reply.credentials()
        with reply.reading("access_token"):
            found = reply.json()
            seconds = int(found.get("expires_in") or 0)
            return _Token(str(found["access_token"]), time.monotonic() + max(seconds * _USED_FOR, 10))
