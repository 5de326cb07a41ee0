"""Client certificate headers of a TLS-terminating proxy: RFC 9440 (Client-Cert), or nginx's escaped PEM.

A certificate is public, so its header proves nothing by itself. It is trusted from a proxy that sends the
shared secret; without one, from a proxy on this machine at the host name of certificates, where the proxy
sets the header: at others it may pass on what a client sent. ProxyHeadersMiddleware has removed headers from
elsewhere.
"""

import base64
import ipaddress
import re
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext_lazy as _

from ca_bridge.errors import CaError
from ca_bridge.x509.certificates import load
from identity_manager.people.sign_in.client_certificates import NONE_SHOWN, NOT_ACCEPTED
from identity_manager.transactions.refusals import Reason, Refused, require

RFC_9440, ESCAPED_PEM = "client-cert", "x-ssl-client-cert"
HEADER_NAMES = {RFC_9440: "HTTP_CLIENT_CERT", ESCAPED_PEM: "HTTP_X_SSL_CLIENT_CERT"}
VERIFIED, SECRET = "HTTP_X_SSL_CLIENT_VERIFY", "HTTP_X_CLIENT_CERT_SECRET"
LONGEST = 16 * 1024
# Caddy sends its placeholder as it is where no certificate was shown.
_PLACEHOLDER = re.compile(r":?\{http\.request\.[^}]*\}:?")
_BINARY = re.compile(r":([A-Za-z0-9+/]+={0,2}):")  # RFC 8941 3.3.5
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----\s([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----\s*")

NOT_BELIEVED = Reason(
    "certificate-proxy",
    _("The server in front of this one is not set up for certificates. Tell who runs it."),
)


def presented(request: HttpRequest) -> bytes:
    """Return the certificate (DER) that the browser presented to the proxy. Raises Refused."""
    require(_is_believed(request), else_=NOT_BELIEVED)
    value = request.META.get(HEADER_NAMES[settings.CERTIFICATE_HEADER], "").strip()
    if not value or _PLACEHOLDER.fullmatch(value):
        raise Refused(NONE_SHOWN)
    require(len(value) <= LONGEST, else_=NOT_ACCEPTED)
    require(request.META.get(VERIFIED, "SUCCESS") == "SUCCESS", else_=NOT_ACCEPTED)
    # One value of one certificate: a header that came twice is joined by a comma, which neither form has.
    form, text = (_BINARY, value) if settings.CERTIFICATE_HEADER == RFC_9440 else (_PEM, unquote(value))
    found = form.fullmatch(text)
    try:
        der = base64.b64decode("".join(found.group(1).split()), validate=True) if found else b""
        load(der)
    except (ValueError, CaError) as error:
        raise Refused(NOT_ACCEPTED) from error
    return der


def is_certificate_host(request: HttpRequest) -> bool:
    """Whether the request came to the host name at which the proxy asks for a certificate."""
    return request.get_host() == urlsplit(settings.CERTIFICATE_BASE_URL).netloc


def _is_believed(request: HttpRequest) -> bool:
    """Whether to trust the proxy: with the secret, or on this machine (a unix socket has no address)."""
    if settings.CERTIFICATE_PROXY_SECRET:
        return constant_time_compare(request.META.get(SECRET, ""), settings.CERTIFICATE_PROXY_SECRET)
    if not is_certificate_host(request):
        return False
    sender = request.META.get("REMOTE_ADDR", "")
    try:
        return not sender or ipaddress.ip_address(sender).is_loopback
    except ValueError:
        return False
