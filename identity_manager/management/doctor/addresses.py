"""Checks of public URLs, in mails and certificates: the name resolves, and this installation answers."""

import socket
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import requests
from django.conf import settings

from ca_bridge import outgoing
from ca_bridge.connection import faults, registry
from ca_bridge.connection.http import Http, HttpOptions
from ca_bridge.contract import ConnectionFault
from ca_bridge.errors import CaError, InDoubtError
from identity_manager import installation
from identity_manager.management.doctor.check_result import CheckResult, failed, ok, warning
from identity_manager.management.doctor.database import compared

HTTP_SECONDS = 10
SEE_PROXY = "See that the web process and the proxy in front of it run, and the certificate of the host."


def portals() -> Iterator[CheckResult]:
    """URLs of the portals, and publication URLs of CAs.

    The latter are checked with published files, as a proxy may serve nothing else by plain http.
    """
    served = {getattr(settings, f"{portal.upper()}_BASE_URL") for portal in settings.PORTALS}
    for address in dict.fromkeys((settings.CONSOLE_BASE_URL, settings.SELFSERVICE_BASE_URL)):
        yield from _address(address, "/health/live", _is_alive, needed=address in served)
    for address in _published():
        yield from _address(address, "/ocsp", _is_ocsp)


def _published() -> list[str]:
    """Publication URLs of this installation's CAs, as in their certificates."""
    options = (configuration.get("OPTIONS", {}) for configuration in settings.CA_CONNECTORS.values())
    return list(dict.fromkeys(each["publication_url"] for each in options if "publication_url" in each))


def _is_alive(answer: requests.Response) -> bool:
    return answer.text.strip() == "alive"


def _is_ocsp(answer: requests.Response) -> bool:
    """Whether an empty request is answered by an OCSP error response."""
    return answer.headers.get("Content-Type") == "application/ocsp-response"


def _address(
    address: str, path: str, is_alive: Callable[[requests.Response], bool], *, needed: bool = True
) -> Iterator[CheckResult]:
    """needed: False for a portal that other hosts serve, which this one need not reach."""
    bad = failed if needed else warning
    host, nonce = urlsplit(address).hostname or "", installation.nonce()
    if not outgoing.proxy_for(address) and not _is_known(host):
        yield bad(f"The name {host} is not known here.", "See the base URLs in the settings, and the DNS.")
        return
    try:
        answer = _get(f"{address}{path}", {installation.NONCE_HEADER: nonce})
    except OSError as error:  # those of requests, too
        if faults.of_error(error) == ConnectionFault.TLS_TRUST:
            yield _untrusted(address)
            return
        yield bad(f"{address} does not answer. {faults.sentence(host, error)}", SEE_PROXY)
        return
    if answer.status_code != requests.codes.ok or not is_alive(answer):
        yield bad(
            f"{address} is answered by something else (status {answer.status_code}).",
            "See the proxy in front, ALLOWED_HOSTS and PROXY_ADDRESSES.",
        )
    elif not installation.is_ours(nonce, answer.headers.get(installation.PROOF_HEADER, "")):
        yield bad(
            f"{address} is answered by another installation, or by one with another SECRET_KEY or version.",
            "See where the name and the proxy lead, and start every process with the same SECRET_KEY.",
        )
    else:
        yield ok(f"{address} answers.")
        yield from _clock_of(address, answer.headers.get("Date"))


def _untrusted(address: str) -> CheckResult:
    """Warning for an untrusted certificate: browsers may trust its CA, such as a company's."""
    return warning(
        f"{address} shows a TLS certificate of a CA that this machine does not trust: it was not asked more.",
        "Name the CA's certificate in TRUSTED_CA_FILE, and see that every browser knows it.",
    )


def _is_known(host: str) -> bool:
    try:
        return bool(socket.getaddrinfo(host, None))
    except OSError:
        return False


def _clock_of(whose: str, date: str | None) -> Iterator[CheckResult]:
    if date:
        yield from compared(whose, parsedate_to_datetime(date))


def _get(url: str, headers: dict[str, str]) -> requests.Response:
    with outgoing.session() as session:
        return session.get(url, headers=headers, timeout=HTTP_SECONDS, allow_redirects=False)


def clocks_of_authorities() -> Iterator[CheckResult]:
    """Clock skew to each CA, by the Date header of any HTTP response, with the connection's ca_file."""
    asked = False
    for alias in registry.aliases():
        if registry.misconfigured(alias):
            continue  # the check of the authorities says so
        options = getattr(registry.connector(alias), "options", None)
        if isinstance(options, HttpOptions):
            asked = True
            yield from _clock_of_authority(alias, options)
    if not asked:
        yield ok("No certificate authority is asked over HTTP.")


def _clock_of_authority(alias: str, options: HttpOptions) -> Iterator[CheckResult]:
    host = urlsplit(options.url).hostname or options.url
    try:
        headers = Http(options).call("GET", "/").headers
    except (CaError, InDoubtError) as error:
        yield warning(f"{alias}: {faults.sentence(host, error)}", "See the CA's connection.")
        return
    dates = [value for name, value in headers.items() if name.lower() == "date"]
    yield from _clock_of(host, dates[0] if dates else None)
