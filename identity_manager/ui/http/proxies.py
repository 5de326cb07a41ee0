"""Trusted proxies: forwarded headers (X-Forwarded-*) are accepted only from PROXY_ADDRESSES."""

import ipaddress
import logging
from collections.abc import Callable, Sequence

from django.conf import settings
from django.http import HttpRequest, HttpResponse

logger = logging.getLogger(__name__)
HEADERS = (
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_FORWARDED_PORT",
    "HTTP_X_REQUEST_ID",
    "HTTP_TRACEPARENT",
    "HTTP_CLIENT_CERT",
    "HTTP_CLIENT_CERT_CHAIN",
    "HTTP_X_SSL_CLIENT_CERT",
    "HTTP_X_SSL_CLIENT_VERIFY",
    "HTTP_X_CLIENT_CERT_SECRET",
)


# Prefix lengths for addresses in the log: they identify a network, and no single device (RFC 7217).
LOGGED_PREFIX_BITS = {4: 24, 6: 48}


def client_network(request: HttpRequest) -> str:
    """The client's network; empty if the address is unknown or malformed."""
    said = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    count = settings.ALLAUTH_TRUSTED_PROXY_COUNT
    given = said[-count] if 0 < count <= len(said) else ""
    try:
        address = ipaddress.ip_address(given.strip() or request.META.get("REMOTE_ADDR", ""))
    except ValueError:
        return ""
    plain = getattr(address, "ipv4_mapped", None) or address
    return str(ipaddress.ip_network((plain, LOGGED_PREFIX_BITS[plain.version]), strict=False))


Networks = Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]


def trusted_networks() -> Networks:
    """PROXY_ADDRESSES."""
    return [ipaddress.ip_network(each) for each in settings.PROXY_ADDRESSES]


def is_proxy(sender: str, networks: Networks) -> bool:
    """Whether the sender is a trusted proxy. A Unix socket, which has no address, counts as one."""
    try:
        address = ipaddress.ip_address(sender) if sender else None
    except ValueError:
        return False
    return address is None or any(address in network for network in networks)


class ProxyHeadersMiddleware:
    """Drops forwarded headers from senders outside PROXY_ADDRESSES, before all other middlewares read them.

    A sender on a Unix socket has no address and is trusted: only a local proxy can reach it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self._networks = trusted_networks()
        self._is_logged = False

    def __call__(self, request: HttpRequest) -> HttpResponse:
        sender = request.META.get("REMOTE_ADDR", "")
        if not is_proxy(sender, self._networks):
            forgotten = [name for name in HEADERS if request.META.pop(name, None) is not None]
            if forgotten:
                self._tell(sender)
        return self.get_response(request)

    def _tell(self, sender: str) -> None:
        """Log it once: an operator must find a missing PROXY_ADDRESSES, and forged ones not fill the log."""
        if not self._is_logged:
            self._is_logged = True
            logger.warning("Forwarded headers from %s are ignored: it is not one of PROXY_ADDRESSES.", sender)
