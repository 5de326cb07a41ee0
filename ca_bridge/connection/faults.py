"""Which fault it is, and what an operator is told of it: the same for every connector, by whatever broke."""

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

from ca_bridge.contract import Fault
from ca_bridge.outgoing import ProxyUnwillingError

WORDS: dict[str, Promise] = {
    Fault.DNS: _("Its name cannot be resolved (DNS): is the host in the address right?"),
    Fault.REFUSED: _("Nothing listens there (connection refused): does it run, and is the port right?"),
    Fault.NO_ROUTE: _("No way leads there: is the network up, and is a firewall in between?"),
    Fault.TIME_OUT: _("It did not answer in time: is it overloaded, or is a firewall in between?"),
    Fault.CLOSED: _("It closed the connection without an answer: is there a proxy in between?"),
    Fault.TLS_NAME: _("Its TLS certificate is for another name than the one in the address."),
    Fault.TLS_TRUST: _(
        "Its TLS certificate comes from nobody whom we trust: see ca_file and TRUSTED_CA_FILE."
    ),
    Fault.TLS_EXPIRED: _("Its TLS certificate is not valid now: renew it, and look at both clocks."),
    Fault.TLS_CLIENT: _("It does not take our TLS client certificate, or wants one and got none."),
    Fault.TLS: _("It does not speak TLS as we do: are the scheme and the port right?"),
    Fault.CREDENTIALS: _("It does not take our credentials, or they are not allowed to do this."),
    Fault.PROFILE: _("It does not know the profile: is its name at the CA right?"),
    Fault.SEALED: _("It is sealed: whoever runs it has to unseal it."),
    Fault.ADDRESS: _("There is nothing at this address: is the path of the URL right?"),
    Fault.BUSY: _("It says that it is out of service for now."),
    Fault.PROXY: _("The proxy in between does not let us through: see HTTPS_PROXY_URL and NO_PROXY."),
    Fault.SETTINGS: _("The connection is configured wrongly."),
}
# X509_V_ERR_* of OpenSSL (x509_vfy.h)
_NAMES_DIFFER = {62, 63, 64}
_NOT_VALID_NOW = {9, 10}
_NO_WAY = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN}
_KINDS: tuple[tuple[type[BaseException], Fault], ...] = (
    (ProxyUnwillingError, Fault.PROXY),
    (ProxyError, Fault.PROXY),
    (socket.gaierror, Fault.DNS),
    (TimeoutError, Fault.TIME_OUT),
    (ConnectionRefusedError, Fault.REFUSED),
    (ConnectionError, Fault.CLOSED),
    (http.client.HTTPException, Fault.CLOSED),
    (ImproperlyConfigured, Fault.SETTINGS),
)
_STATUS = {
    "401": Fault.CREDENTIALS,
    "403": Fault.CREDENTIALS,
    "404": Fault.ADDRESS,
    "429": Fault.BUSY,
    "503": Fault.BUSY,
}
_SAID_STATUS = re.compile(r"\bHTTP (\d{3})\b")
_SAID_PROFILE = re.compile(
    r"(unknown|no such|invalid|not found)[\w ]*\b(role|profile|template)\b", re.IGNORECASE
)
_SAID_PROFILE_TOO = re.compile(
    r"\b(role|profile|template)\b[^.;]{0,60}(unknown|not found|not exist)", re.IGNORECASE
)


def in_words(fault: Fault | str | None) -> str:
    """The sentence, in the language of the moment; empty where the fault has no name."""
    return str(WORDS[fault]) if fault in WORDS else ""


def of_error(error: BaseException) -> Fault | None:
    """The fault by what broke underneath; by what the CA said, where nothing broke."""
    for each in _causes(error):
        if found := _of_one(each):
            return found
    return of_words(" ".join((str(error), getattr(error, "detail", ""))))


def of_words(said: str) -> Fault | None:
    """The fault by what a CA said, as connectors pass it on: with its HTTP status."""
    if "sealed" in said.lower():
        return Fault.SEALED
    if _SAID_PROFILE.search(said) or _SAID_PROFILE_TOO.search(said):
        return Fault.PROFILE
    status = _SAID_STATUS.search(said)
    return _STATUS.get(status[1]) if status else None


def sentence(host: str, error: BaseException) -> str:
    """Whom we called and why it failed, in the language of the moment; it holds nothing of what we sent."""
    return f"{host}: {in_words(of_error(error)) or type(error).__name__}"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or _wrapped(error) or _context(error)


def _wrapped(error: BaseException) -> BaseException | None:
    """urllib3 hands some errors on as an argument of its own, and raises them from nothing."""
    return next((each for each in error.args if isinstance(each, BaseException)), None)


def _context(error: BaseException) -> BaseException | None:
    return None if error.__suppress_context__ else error.__context__


def _of_one(error: BaseException) -> Fault | None:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _of_certificate(getattr(error, "verify_code", 0))
    if isinstance(error, ssl.SSLEOFError):
        return Fault.CLOSED
    if isinstance(error, ssl.SSLError):
        return Fault.TLS_CLIENT if "ALERT" in (error.reason or "") else Fault.TLS
    if isinstance(error, OSError) and error.errno in _NO_WAY:
        return Fault.NO_ROUTE
    return next((fault for kind, fault in _KINDS if isinstance(error, kind)), None)


def _of_certificate(code: int) -> Fault:
    if code in _NAMES_DIFFER:
        return Fault.TLS_NAME
    return Fault.TLS_EXPIRED if code in _NOT_VALID_NOW else Fault.TLS_TRUST
