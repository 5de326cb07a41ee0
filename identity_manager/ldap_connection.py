"""LDAP client: connect with TLS, bind, search page by page, modify (RFC 4511, RFC 2696). Alone imports ldap3.

Directories as a source of persons and as a target of certificates share it.

ldap3's own paged search is not used: it raises nothing for size and time limits, so each page's result code
is checked here; referrals are skipped and never followed with credentials; and ldap3's Tls() verifies nothing
by default.
"""

import ipaddress
import logging
import ssl
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import ldap3
from cryptography import x509
from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from ldap3.core.exceptions import LDAPException, LDAPInvalidDnError
from ldap3.utils.conv import escape_filter_chars
from ldap3.utils.dn import escape_rdn, parse_dn

PAGED_RESULTS = "1.2.840.113556.1.4.319"
SHOW_DELETED = ("1.2.840.113556.1.4.417", True, None)
# Returns distinguished names with GUIDs, so that persons are recognised after a folder was renamed.
EXTENDED_DN = ("1.2.840.113556.1.4.529", True, b"\x30\x03\x02\x01\x01")
SCOPES = {"base": ldap3.BASE, "subtree": ldap3.SUBTREE}
# What Active Directory says in its text of invalidCredentials (49): they tell after the right password only.
BIND_FAULTS: dict[str, Promise] = {
    "52e": gettext_lazy("The directory refuses the bind: the name or the password is wrong."),
    "530": gettext_lazy("The directory refuses the bind at this hour."),
    "531": gettext_lazy("The directory refuses the bind from this machine."),
    "532": gettext_lazy("The password of the bind has expired."),
    "533": gettext_lazy("The account of the bind is disabled."),
    "701": gettext_lazy("The account of the bind has expired."),
    "773": gettext_lazy("The password of the bind has to be changed."),
    "775": gettext_lazy("The account of the bind is locked out."),
}

logger = logging.getLogger(__name__)


class LdapError(Exception):
    """The directory is down, refuses us, or its answer is incomplete.

    words: one sentence for people. It never holds a secret or a person's data; detail is for the log.
    """

    def __init__(self, words: str, *, detail: str = "") -> None:
        super().__init__(detail or words)
        self.words = words


@dataclass(frozen=True)
class ValueChange:
    """Single values of one attribute that a modify removes and adds; it never replaces the attribute."""

    attribute: str
    remove: Sequence[bytes] = ()
    add: Sequence[bytes] = ()


@dataclass(frozen=True)
class Server:
    """Address and TLS of an LDAP server. start_tls: on a plain port; else the address is ldaps://."""

    url: str
    start_tls: bool
    ca_file: str
    bind_dn: str
    password: str
    page_size: int
    timeout: int


@dataclass(frozen=True)
class Found:
    """An entry as the directory has it: values as bytes, by attribute in lower case."""

    dn: str
    attributes: Mapping[str, Sequence[bytes]]

    def text(self, name: str) -> str:
        """The first value as text, or empty."""
        values = self.attributes.get(name.lower(), ())
        return values[0].decode("utf-8", "replace").strip() if values else ""


def filter_value(value: str | bytes) -> str:
    """A value within a filter (RFC 4515)."""
    if isinstance(value, bytes):
        return "".join(f"\\{octet:02x}" for octet in value)
    return str(escape_filter_chars(value))


class LdapClient:
    """One connection. Raises LdapError wherever an answer is not a whole one."""

    def __init__(self, server: Server) -> None:
        self.server = server
        try:
            self._connection = self._connect()
        except LDAPException as error:
            raise _unreachable(error) from error

    def close(self) -> None:
        """Unbind. Raises nothing."""
        try:
            self._connection.unbind()
        except (LDAPException, OSError) as error:
            logger.debug("The LDAP connection did not close well: %s", type(error).__name__)

    def root(self) -> Found:
        """The root DSE: what the server says of itself."""
        return next(iter(self.search("", "(objectClass=*)", ("*", "+"), scope="base")), Found("", {}))

    def search(
        self,
        base: str,
        condition: str,
        attributes: Sequence[str],
        *,
        scope: str = "subtree",
        controls: Sequence[Any] = (),
    ) -> Iterator[Found]:
        """All entries, page by page, with ranged attributes read to their end."""
        cookie: bytes | None = None
        while True:
            response, cookie = self._page(
                base, condition, attributes, scope=scope, controls=(controls, cookie)
            )
            for item in response:
                if item["type"] == "searchResEntry":  # referrals are skipped
                    yield self._whole(_found(item), controls)
            if not cookie:
                return

    def modify(self, dn: str, change: ValueChange) -> int:
        """Remove and add single values in one modify; return the result code (RFC 4511 4.1.9).

        Raises LdapError where no answer came: then it may have happened, and it may not.
        """
        changes = [(ldap3.MODIFY_DELETE, list(change.remove)), (ldap3.MODIFY_ADD, list(change.add))]
        try:
            self._connection.modify(dn, {change.attribute: [each for each in changes if each[1]]})
        except LDAPException as error:
            raise _unreachable(error) from error
        return int(self._connection.result["result"])

    def _page(
        self,
        base: str,
        condition: str,
        attributes: Sequence[str],
        *,
        scope: str,
        controls: tuple[Sequence[Any], bytes | None],
    ) -> tuple[Sequence[Mapping[str, Any]], bytes | None]:
        more, cookie = controls
        try:
            self._connection.search(
                base,
                condition,
                SCOPES[scope],
                attributes=list(attributes),
                controls=list(more) or None,
                paged_size=self.server.page_size if scope == "subtree" else None,
                paged_cookie=cookie,
            )
        except LDAPException as error:
            raise _unreachable(error) from error
        result = self._connection.result
        if result["result"] != 0:
            raise LdapError(
                _("The directory stopped before the end of its answer: %(why)s.")
                % {"why": result["description"]},
                detail=f"{result['result']} {result['description']} {result['message']}",
            )
        given = (result.get("controls") or {}).get(PAGED_RESULTS)
        return self._connection.response, given["value"]["cookie"] if given else None

    def _whole(self, entry: Found, controls: Sequence[Any]) -> Found:
        """Read `member;range=0-1499` to its end ([MS-ADTS] 3.1.1.3.1.3.3): a part of a group is no group."""
        attributes = dict(entry.attributes)
        for name in [each for each in attributes if ";range=" in each]:
            plain, _sign, bounds = name.partition(";range=")
            values = list(attributes.pop(name))
            while not bounds.endswith("*"):
                first = int(bounds.partition("-")[2]) + 1
                asked = f"{plain};range={first}-*"
                response, _none = self._page(
                    entry.dn, "(objectClass=*)", (asked,), scope="base", controls=(controls, None)
                )
                part = _ranged(response, plain)
                if part is None:
                    raise LdapError(_("The directory broke off in the middle of a list of values."))
                bounds = part[0]
                values.extend(part[1])
            attributes[plain] = values
        return Found(entry.dn, attributes)

    # --- connecting

    def _connect(self) -> ldap3.Connection:
        address = urlsplit(self.server.url)
        host, secure = address.hostname or "", address.scheme == "ldaps"
        if not self.server.password:
            raise LdapError(_("There is no password: a bind without one would be anonymous."))
        server = ldap3.Server(
            host,
            port=address.port or (636 if secure else 389),
            use_ssl=secure,
            tls=verified_tls(self.server.ca_file, host),
            get_info=ldap3.NONE,
            connect_timeout=self.server.timeout,
        )
        connection = ldap3.Connection(
            server,
            self.server.bind_dn,
            self.server.password,
            auto_bind=ldap3.AUTO_BIND_NONE,
            auto_referrals=False,
            raise_exceptions=False,
            receive_timeout=self.server.timeout,
            return_empty_attributes=False,
        )
        connection.open(read_server_info=False)
        if not secure and not connection.start_tls(read_server_info=False):
            raise LdapError(_("The directory does not encrypt the connection (StartTLS)."))
        _require_address(connection, host)
        if not connection.bind(read_server_info=False):
            raise _refused(connection.result)
        return connection


def verified_tls(ca_file: str, host: str) -> ldap3.Tls:
    """The only construction of Tls: certificates are verified, always.

    ldap3's own check knows no IP addresses in certificates from Python 3.12 on: then ours is the check.
    """
    any_name = ["*"] if _address(host) is not None else None
    return ldap3.Tls(
        validate=ssl.CERT_REQUIRED,
        version=ssl.PROTOCOL_TLS_CLIENT,
        ca_certs_file=ca_file or settings.TRUSTED_CA_FILE or ssl.get_default_verify_paths().cafile,
        valid_names=any_name,
    )


def is_name(text: str) -> bool:
    """Whether the text is a distinguished name (RFC 4514) of characters that can be printed."""
    try:
        return text.isprintable() and bool(parse_dn(text))
    except LDAPInvalidDnError:
        return False


def escaped_value(value: str) -> str:
    """The value of an attribute as it stands in a distinguished name (RFC 4514 2.4)."""
    return str(escape_rdn(value))


def _require_address(connection: ldap3.Connection, host: str) -> None:
    """An IP address has to stand in the certificate's SAN, compared by us (RFC 6125 says how names are)."""
    address = _address(host)
    if address is None:
        return
    certificate = x509.load_der_x509_certificate(connection.socket.getpeercert(binary_form=True))
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        names = x509.SubjectAlternativeName([])
    if address not in names.get_values_for_type(x509.IPAddress):
        raise LdapError(_("The certificate of the directory is for another name."))


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _found(item: Mapping[str, Any]) -> Found:
    values = {name.lower(): value for name, value in item["raw_attributes"].items()}
    return Found(item["dn"].rpartition(">;")[2], values)  # without what EXTENDED_DN adds


def _ranged(response: Sequence[Mapping[str, Any]], plain: str) -> tuple[str, Sequence[bytes]] | None:
    for item in response:
        if item["type"] != "searchResEntry":
            continue
        for name, values in _found(item).attributes.items():
            if name.startswith(f"{plain};range="):
                return name.partition(";range=")[2], values
    return None


def _refused(result: Mapping[str, Any]) -> LdapError:
    """A bind that was refused, in words; the server's text goes to the log, without names or passwords."""
    text = str(result.get("message", ""))
    code = text.partition("data ")[2].partition(",")[0].strip().lower()
    words = BIND_FAULTS.get(code, BIND_FAULTS["52e"] if result.get("result") == 49 else None)
    description = str(result.get("description", ""))
    given = str(words) if words else _("The directory refuses the bind: %(why)s.") % {"why": description}
    return LdapError(given, detail=f"bind: {result.get('result')} {description} {code}")


def _unreachable(error: LDAPException) -> LdapError:
    name = type(error).__name__
    words = {
        "LDAPSocketOpenError": _("The directory cannot be reached."),
        "LDAPSocketReceiveError": _("The directory does not answer."),
        "LDAPStartTLSError": _("The encryption of the connection failed (StartTLS)."),
        "LDAPCertificateError": _("The certificate of the directory is not the right one."),
        "LDAPSSLConfigurationError": _("The file of trusted certificates cannot be read."),
    }
    text = str(error)
    if "certificate" in text.lower() and name != "LDAPSSLConfigurationError":
        return LdapError(words["LDAPCertificateError"], detail=f"{name}: {text}")
    known = words.get(name, _("The connection to the directory broke: %(why)s.") % {"why": name})
    return LdapError(known, detail=f"{name}: {text}")
