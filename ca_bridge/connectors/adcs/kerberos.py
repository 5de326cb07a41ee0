"""Kerberos authentication to the pages of AD CS: HTTP Negotiate (RFC 4559) with channel binding (RFC 5929).

The token goes with the first request. Waiting for a 401 would send an order twice, and the second time
perhaps on another connection. TLS has authenticated the server by then.
"""

import base64
import re
from collections.abc import Mapping
from itertools import count
from urllib.parse import urlsplit

import gssapi
from django.utils.translation import gettext as _
from gssapi.raw import ChannelBindings

from ca_bridge.connection.reply import Reply
from ca_bridge.connectors.adcs.options import AdcsOptions
from ca_bridge.errors import CaError

_KERBEROS = gssapi.MechType.kerberos
_SPNEGO = gssapi.OID.from_int_seq("1.3.6.1.5.5.2")
# Error codes of MIT Kerberos are those of RFC 4120, 7.5.9, and more of its own, counted from here (krb5.h).
_FIRST_CODE = -1765328384 & 0xFFFFFFFF
_KDC_AWAY = {29, 154, 156, 220}  # SVC_UNAVAILABLE, REALM_UNKNOWN, KDC_UNREACH, REALM_CANT_RESOLVE
_NOT_TAKEN = {
    1,
    6,
    12,
    14,
    18,
    21,
    23,
    24,
    31,
    210,
}  # unknown, disabled, expired, of another password or kind
_NO_SERVICE = {7, 27}  # S_PRINCIPAL_UNKNOWN, MUST_USE_USER2USER: the SPN is at an account of a person
_CLOCKS = {33, 37, 148}  # TKT_NYV, SKEW, KDCREP_SKEW
_NO_KEY = {181, 195, 230}  # KT_NOTFOUND, FCC_NOFILE, KT_KVNONOTFOUND
# The error-code of a KRB-ERROR (RFC 4120, 5.9.1) in a token (RFC 4121, 4.1), wherever SPNEGO has it.
_KRB_ERROR = re.compile(rb"\x03\x00\x7e.*?\xa6\x03\x02\x01(.)", re.DOTALL)
_NEGOTIATE = re.compile(r"Negotiate ((?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)")
_SAID = {
    **dict.fromkeys((32, 33, 37), "Kerberos: the clocks here and there differ by too much."),
    **dict.fromkeys(
        (35, 41, 44, 45),
        "Kerberos: the ticket is for another key: is the SPN at the account that the pages run as?",
    ),
}
_caches = count(1)


class Kerberos:
    """A ticket cache in memory, filled from a keytab. While the KDC is down, valid tickets are still used."""

    def __init__(self, options: AdcsOptions) -> None:
        self._options = options
        self._cache = next(_caches)

    def headers(self, end_point: bytes) -> Mapping[str, str]:
        """The Authorization header for one request. Raises a transient CaError."""
        try:
            self._token(_KERBEROS, end_point)  # gets the ticket; SPNEGO would not say why there is none
            token = self._token(_SPNEGO, end_point)
        except gssapi.exceptions.GSSError as error:
            raise self._trouble(error) from error
        return {"Authorization": f"Negotiate {base64.b64encode(token).decode()}"}

    def refused(self, reply: Reply) -> str:
        """Drop the cached tickets: the service may have a new key. Return the error of the server's token."""
        self._cache = next(_caches)
        challenge = _NEGOTIATE.search(reply.headers.get("WWW-Authenticate", ""))
        code = _KRB_ERROR.search(base64.b64decode(challenge[1])) if challenge else None
        return _SAID.get(code[1][0], "") if code else ""

    def _token(self, mechanism: gssapi.OID, end_point: bytes) -> bytes:
        name = gssapi.Name(self._options.principal, gssapi.NameType.kerberos_principal)
        store = {
            "client_keytab": f"FILE:{self._options.keytab_file}",
            "ccache": f"MEMORY:identity-manager-{self._cache}",
        }
        context = gssapi.SecurityContext(
            usage="initiate",
            name=self._service(),
            creds=gssapi.Credentials(usage="initiate", name=name, mechs=[mechanism], store=store),
            mech=mechanism,
            flags=[gssapi.RequirementFlag.mutual_authentication],  # else a server does not say what is wrong
            channel_bindings=ChannelBindings(application_data=end_point) if end_point else None,
        )
        context.__DEFER_STEP_ERRORS__ = False  # else an error that has a token is raised later, or never
        token: bytes = context.step()
        return token

    def _service(self) -> gssapi.Name:
        """The SPN: with its realm as given, else in the realm that krb5.conf or the KDC has for the host."""
        service = self._options.service or f"HTTP/{urlsplit(self._options.url).hostname}"
        if "@" in service:
            return gssapi.Name(service, gssapi.NameType.kerberos_principal)
        return gssapi.Name(service.replace("/", "@"), gssapi.NameType.hostbased_service)

    def _trouble(self, error: gssapi.exceptions.GSSError) -> CaError:
        code = error.min_code - _FIRST_CODE
        said = " ".join(error.get_all_statuses(error.min_code, False))  # noqa: FBT003 - gssapi's signature
        return CaError(_words(code), f"{self._options.principal}: {said}"[:300])


def _words(code: int) -> str:
    if code in _KDC_AWAY:
        return _("No Kerberos ticket: the domain controller (KDC) cannot be reached.")
    if code in _NOT_TAKEN:
        return _("No Kerberos ticket: the domain controller does not take the account or its keytab.")
    if code in _NO_SERVICE:
        return _("No Kerberos ticket: the domain controller does not know the service name (SPN).")
    if code in _CLOCKS:
        return _("No Kerberos ticket: the clocks here and at the domain controller differ by too much.")
    if code in _NO_KEY:
        return _("No Kerberos ticket: the keytab cannot be read, or has no key of the account.")
    return _("No Kerberos ticket could be had.")
