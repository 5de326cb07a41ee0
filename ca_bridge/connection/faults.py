"""Connection faults: classification of exceptions and replies, and sentences for operators."""

import errno
import http.client
import re
import socket
import ssl
from collections.abc import Iterator

from django.core.exceptions import ImproperlyConfigured
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from requests.exceptions import ProxyError

from ca_bridge.contract import ConnectionFault
from ca_bridge.outgoing import ProxyUnwillingError

WORDS: dict[str, Promise] = {
    ConnectionFault.DNS: _("Its name cannot be resolved (DNS): is the host in the address right?"),
    ConnectionFault.REFUSED: _(
        "Nothing listens there (connection refused): does it run, and is the port right?"
    ),
    ConnectionFault.NO_ROUTE: _("No way leads there: is the network up, and is a firewall in between?"),
    ConnectionFault.TIME_OUT: _("It did not answer in time: is it overloaded, or is a firewall in between?"),
    ConnectionFault.CLOSED: _("It closed the connection without an answer: is there a proxy in between?"),
    ConnectionFault.TLS_NAME: _("Its TLS certificate is for another name than the one in the address."),
    ConnectionFault.TLS_TRUST: _(
        "Its TLS certificate comes from nobody whom we trust: see ca_file and TRUSTED_CA_FILE."
    ),
    ConnectionFault.TLS_EXPIRED: _(
        "Its TLS certificate is not valid now: renew it, and look at both clocks."
    ),
    ConnectionFault.TLS_CLIENT: _("It does not take our TLS client certificate, or wants one and got none."),
    ConnectionFault.TLS: _("It does not speak TLS as we do: are the scheme and the port right?"),
    ConnectionFault.CREDENTIALS: _("It does not take our credentials, or they are not allowed to do this."),
    ConnectionFault.PROFILE: _("It does not know the profile: is its name at the CA right?"),
    ConnectionFault.SEALED: _("It is sealed: whoever runs it has to unseal it."),
    ConnectionFault.ADDRESS: _("There is nothing at this address: is the path of the URL right?"),
    ConnectionFault.BUSY: _("It says that it is out of service for now."),
    ConnectionFault.PROXY: _(
        "The proxy in between does not let us through: see HTTPS_PROXY_URL and NO_PROXY."
    ),
    ConnectionFault.SETTINGS: _("The connection is configured wrongly."),
}
# X509_V_ERR_* of OpenSSL (x509_vfy.h)
_NAMES_DIFFER = {62, 63, 64}
_NOT_VALID_NOW = {9, 10}
_NO_WAY = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN}
_KINDS: tuple[tuple[type[BaseException], ConnectionFault], ...] = (
    (ProxyUnwillingError, ConnectionFault.PROXY),
    (ProxyError, ConnectionFault.PROXY),
    (socket.gaierror, ConnectionFault.DNS),
    (TimeoutError, ConnectionFault.TIME_OUT),
    (ConnectionRefusedError, ConnectionFault.REFUSED),
    (ConnectionError, ConnectionFault.CLOSED),
    (http.client.HTTPException, ConnectionFault.CLOSED),
    (ImproperlyConfigured, ConnectionFault.SETTINGS),
)
_STATUS = {
    "401": ConnectionFault.CREDENTIALS,
    "403": ConnectionFault.CREDENTIALS,
    "404": ConnectionFault.ADDRESS,
    "429": ConnectionFault.BUSY,
    "503": ConnectionFault.BUSY,
}
_SAID_STATUS = re.compile(r"\bHTTP (\d{3})\b")
_SAID_PROFILE = re.compile(
    r"(unknown|no such|invalid|not found)[\w ]*\b(role|profile|template)\b", re.IGNORECASE
)
_SAID_PROFILE_TOO = re.compile(
    r"\b(role|profile|template)\b[^.;]{0,60}(unknown|not found|not exist)", re.IGNORECASE
)


def in_words(fault: ConnectionFault | str | None) -> str:
    """The sentence in the active language; empty for an unknown fault."""
    return str(WORDS[fault]) if fault in WORDS else ""


def of_error(error: BaseException) -> ConnectionFault | None:
    """Classify by the underlying exception, else by the CA's reply."""
    for each in _causes(error):
        if found := _of_one(each):
            return found
    return of_words(" ".join((str(error), getattr(error, "detail", ""))))


def of_words(said: str) -> ConnectionFault | None:
    """Classify by a CA's reply as connectors quote it, with HTTP status."""
    if "sealed" in said.lower():
        return ConnectionFault.SEALED
    if _SAID_PROFILE.search(said) or _SAID_PROFILE_TOO.search(said):
        return ConnectionFault.PROFILE
    status = _SAID_STATUS.search(said)
    return _STATUS.get(status[1]) if status else None


def sentence(host: str, error: BaseException) -> str:
    """Host that was called and why the call failed, in the active language; nothing of what was sent."""
    return f"{host}: {in_words(of_error(error)) or type(error).__name__}"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or _wrapped(error) or _context(error)


def _wrapped(error: BaseException) -> BaseException | None:
    """Exceptions that urllib3 passes as arguments instead of chaining."""
    return next((each for each in error.args if isinstance(each, BaseException)), None)


def _context(error: BaseException) -> BaseException | None:
    return None if error.__suppress_context__ else error.__context__


def _of_one(error: BaseException) -> ConnectionFault | None:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _of_certificate(getattr(error, "verify_code", 0))
    if isinstance(error, ssl.SSLEOFError):
        return ConnectionFault.CLOSED
    if isinstance(error, ssl.SSLError):
        return ConnectionFault.TLS_CLIENT if "ALERT" in (error.reason or "") else ConnectionFault.TLS
    if isinstance(error, OSError) and error.errno in _NO_WAY:
        return ConnectionFault.NO_ROUTE
    return next((fault for kind, fault in _KINDS if isinstance(error, kind)), None)


def _of_certificate(code: int) -> ConnectionFault:
    if code in _NAMES_DIFFER:
        return ConnectionFault.TLS_NAME
    return ConnectionFault.TLS_EXPIRED if code in _NOT_VALID_NOW else ConnectionFault.TLS_TRUST
