"""Page context of the client certificate test: settings, and received headers, as sentences."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from identity_manager.account import sign_in_methods
from identity_manager.account.client_certificates import client_certificate
from identity_manager.models.words import Words
from identity_manager.people.sign_in import client_certificates
from identity_manager.ui.parts import Pair

HEADERS = {client_certificate.RFC_9440: "Client-Cert", client_certificate.ESCAPED_PEM: "X-SSL-Client-Cert"}
REASONS = {
    reason.code: reason
    for reason in (
        client_certificate.NOT_BELIEVED,
        client_certificates.NONE_SHOWN,
        client_certificates.NOT_ACCEPTED,
        client_certificates.NOT_USABLE,
    )
}


def is_on() -> bool:
    """Whether a portal has sign-in by client certificate."""
    return sign_in_methods.is_offered(sign_in_methods.CERTIFICATE)


def context(found: Mapping[str, Any] | None, *, answered: bool) -> dict[str, Any]:
    """The context. found: result of the test, or None; answered: whether an answer came, valid or not."""
    return {
        "tab": "admin",
        "is_on": is_on(),
        "setup": list(_setup()),
        "found": found,
        "lost": answered and found is None,
        "result": list(_result(found)) if found else [],
        "reason": REASONS.get(found["refused"]) if found else None,
        "advice": _advice(found) if found else "",
    }


def _setup() -> Iterator[Pair]:
    yield Pair(_("Host name"), settings.CERTIFICATE_BASE_URL, mono=True)
    yield Pair(_("Header"), HEADERS[settings.CERTIFICATE_HEADER], mono=True)
    believed = (
        _("a proxy that sends the shared secret")
        if settings.CERTIFICATE_PROXY_SECRET
        else _("a proxy on this machine")
    )
    yield Pair(_("Who is believed"), believed)
    yield Pair(_("Addresses of proxies"), ", ".join(settings.PROXY_ADDRESSES), mono=True)
    yield Pair(_("Certificates of authorities"), len(settings.CERTIFICATE_CAS))


def _result(found: Mapping[str, Any]) -> Iterator[Pair]:
    names = ", ".join(HEADERS[each] for each in found["arrived"])
    yield Pair(_("Header that arrived"), names or _("none"), mono=bool(names))
    yield Pair(_("Address of the sender"), found["sender"] or _("a socket of this machine"), mono=True)
    yield Pair(_("One of our proxies"), _yes_no(found["is_proxy"]))
    yield Pair(_("Shared secret"), _("arrived") if found["has_secret"] else _("did not arrive"))
    yield Pair(_("What the proxy says of its check"), found["verified"] or _("nothing"), mono=True)
    if found["faults"]:
        yield Pair(_("What our own check found"), "; ".join(found["faults"]))


def _yes_no(value: bool) -> str:  # noqa: FBT001 of one place
    return _("yes") if value else _("no")


def _advice(found: Mapping[str, Any]) -> Words:
    """The most likely cause, for the operator."""
    wanted = settings.CERTIFICATE_HEADER
    if not found["is_proxy"]:
        return _("Name the address of the proxy in PROXY_ADDRESSES; what it sends is forgotten now.")
    if found["arrived"] and wanted not in found["arrived"]:
        return _("The proxy sends the other header. Set CERTIFICATE_HEADER, or the proxy, to the same.")
    if found["refused"] == client_certificate.NOT_BELIEVED.code:
        return _("The shared secret is missing or different, or the proxy stands on another machine.")
    if found["refused"] == client_certificates.NONE_SHOWN.code:
        return _("The proxy asks for no certificate, passes none on, or your browser has none to show.")
    return ""
