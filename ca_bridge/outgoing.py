"""Outgoing HTTPS: trusted CAs and proxy, for every outgoing call.

TRUSTED_CA_FILE (or the system's store) says which CAs are trusted; HTTPS_PROXY_URL names the proxy, NO_PROXY
the hosts reached without it. Environment variables that `requests` and `urllib` read, and certifi's CA list,
are ignored.
"""

import base64
import http.client
import ipaddress
import ssl
from contextlib import suppress
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

import requests
from django.conf import settings
from requests.adapters import HTTPAdapter

LOOPBACK_NAME = "localhost"
HTTPS_PORT = 443


class ProxyUnwillingError(OSError):
    """The proxy is unreachable or refuses; the text names it without its password."""


def context(ca_file: str = "") -> ssl.SSLContext:
    """TLS context that verifies name and certificate. ca_file: CAs in place of TRUSTED_CA_FILE.

    Reads files at each call. Raises OSError (ssl.SSLError is one) for an unusable file.
    """
    return ssl.create_default_context(cafile=ca_file or settings.TRUSTED_CA_FILE or None)


def ca_bundle() -> str | None:
    """File of the trusted CAs, for libraries that take no context; None: the system has none."""
    return settings.TRUSTED_CA_FILE or ssl.get_default_verify_paths().cafile


# --- the proxy


def proxy_for(url: str) -> str:
    """Proxy URL for a call to this URL; empty for a direct call."""
    parts = urlsplit(url)
    if parts.scheme != "https" or not settings.HTTPS_PROXY_URL or _goes_directly(parts.hostname or ""):
        return ""
    return str(settings.HTTPS_PROXY_URL)


def _goes_directly(host: str) -> bool:
    address = _address(host)
    if host == LOOPBACK_NAME or (address and address.is_loopback):
        return True
    return any(_covers(each.lower(), host, address) for each in settings.NO_PROXY)


def _covers(entry: str, host: str, address: Any) -> bool:
    """Whether a NO_PROXY entry matches: domain with subdomains, address, network (10.0.0.0/8) or *."""
    if address is None:
        return entry == "*" or f".{host}".endswith(f".{entry.removeprefix('.')}")
    with suppress(ValueError):
        return address in ipaddress.ip_network(entry, strict=False)
    return entry == "*"


def _address(host: str) -> Any:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


# --- http.client: one call, one connection


def connect(url: str, *, seconds: float, tls: ssl.SSLContext | None = None) -> http.client.HTTPConnection:
    """Open a connection to the URL's host, TLS handshake included. Raises OSError.

    tls: an extended context().
    """
    parts, proxy = urlsplit(url), proxy_for(url)
    connection = _connection(parts, urlsplit(proxy) if proxy else parts, seconds, tls)
    if proxy:
        connection.set_tunnel(str(parts.hostname), parts.port or HTTPS_PORT, _proxy_headers(urlsplit(proxy)))
    try:
        connection.connect()
    except OSError as error:
        connection.close()
        if proxy and not isinstance(error, ssl.SSLError):
            raise ProxyUnwillingError(f"the proxy {_place(urlsplit(proxy))}: {error}") from error
        raise
    return connection


def _connection(
    url: SplitResult, first: SplitResult, seconds: float, tls: ssl.SSLContext | None
) -> http.client.HTTPConnection:
    if url.scheme != "https":
        return http.client.HTTPConnection(str(first.hostname), first.port, timeout=seconds)
    return http.client.HTTPSConnection(
        str(first.hostname), first.port, timeout=seconds, context=tls or context()
    )


def _proxy_headers(proxy: SplitResult) -> dict[str, str]:
    if not proxy.username:
        return {}
    pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


def _place(url: SplitResult) -> str:
    return f"{url.hostname}:{url.port}"


# --- requests: sessions, for libraries that want one


def session(ca_file: str = "") -> requests.Session:
    """A requests session; ca_file as for context(). Raises OSError for an unusable file."""
    return prepared(requests.Session(), ca_file)


def prepared(given: requests.Session, ca_file: str = "") -> requests.Session:
    """Apply our TLS and proxy settings to a library's session."""
    given.trust_env = False
    given.mount("https://", _Adapter(ca_file))
    return given


class _Adapter(HTTPAdapter):
    def __init__(self, ca_file: str = "") -> None:
        self._context = context(ca_file)
        super().__init__()

    def init_poolmanager(self, *args: Any, **more: Any) -> None:
        super().init_poolmanager(*args, **more, ssl_context=self._context)

    def proxy_manager_for(self, proxy: str, **more: Any) -> Any:
        return super().proxy_manager_for(proxy, **more, ssl_context=self._context)

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Skip requests' own method, which would add certifi's CAs to the context."""
        super().cert_verify(conn, url, verify, cert)  # type: ignore[no-untyped-call]  # the stubs leave it out
        conn.ca_certs = conn.ca_cert_dir = None

    def send(  # type: ignore[override]  # requests has its many parameters by place
        self, request: requests.PreparedRequest, **more: Any
    ) -> requests.Response:
        """Ignores per-call verify and proxies arguments."""
        proxy = proxy_for(str(request.url))
        return super().send(request, **{**more, "verify": True, "proxies": {"https": proxy} if proxy else {}})
