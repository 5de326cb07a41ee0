"""Options of an LDAP target: server, search base and filter, attribute."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ImproperlyConfigured

ACTIVE_DIRECTORY, GENERIC = "active-directory", "generic"
FILTERS = {
    ACTIVE_DIRECTORY: "(&(objectCategory=person)(objectClass=user))",
    GENERIC: "(objectClass=inetOrgPerson)",
}
# RFC 4523 2.1: a certificate needs ;binary in transfer; Active Directory refuses the option in a modify.
TRANSFER_OPTIONS = {ACTIVE_DIRECTORY: "", GENERIC: "binary"}
TEXTS = ("url", "bind_dn", "base", "match", "ca_file", "filter", "flavour", "attribute", "option")
NUMBERS = {"page_size": 500, "timeout": 30}
NEEDED = ("url", "bind_dn", "base", "match")


@dataclass(frozen=True)
class LdapOptions:
    """match: the attribute that holds the person's identity. option: of the attribute in transfer."""

    url: str
    start_tls: bool
    ca_file: str
    bind_dn: str
    base: str
    filter: str
    flavour: str
    match: str
    attribute: str
    option: str
    page_size: int
    timeout: int

    @property
    def id_attribute(self) -> str:
        return "objectGUID" if self.flavour == ACTIVE_DIRECTORY else "entryUUID"

    @property
    def transferred(self) -> str:
        """The attribute description in modifies and search results, with its option."""
        return f"{self.attribute};{self.option}" if self.option else self.attribute


def parse(target_id: str, given: Mapping[str, Any]) -> LdapOptions:
    """Raises ImproperlyConfigured where the options do not make a target."""
    where = f"TARGETS: {target_id}"
    known = {*TEXTS, *NUMBERS, "start_tls"}
    if unknown := sorted(set(given) - known):
        raise ImproperlyConfigured(f"{where} does not know in options {', '.join(unknown)}.")
    if wrong := [name for name in TEXTS if not isinstance(given.get(name, ""), str)]:
        raise ImproperlyConfigured(f"{where} needs in options {', '.join(wrong)} as text.")
    if missing := [name for name in NEEDED if not given.get(name)]:
        raise ImproperlyConfigured(f"{where} needs in options {', '.join(missing)}.")
    flavour = given.get("flavour", ACTIVE_DIRECTORY)
    if flavour not in FILTERS:
        raise ImproperlyConfigured(f"{where} has in options flavour one of {', '.join(FILTERS)}.")
    url, start_tls = given["url"], given.get("start_tls", False) is True
    if not (url.startswith("ldaps://") or (url.startswith("ldap://") and start_tls)):
        raise ImproperlyConfigured(f"{where} needs in options ldaps://, or ldap:// with start_tls true.")
    return LdapOptions(
        url=url,
        ca_file=given.get("ca_file", ""),
        bind_dn=given["bind_dn"],
        base=given["base"],
        match=given["match"],
        start_tls=start_tls,
        filter=given.get("filter") or FILTERS[flavour],
        flavour=flavour,
        attribute=given.get("attribute") or "userCertificate",
        option=given.get("option", TRANSFER_OPTIONS[flavour]),
        page_size=_number(where, "page_size", given),
        timeout=_number(where, "timeout", given),
    )


def _number(where: str, name: str, given: Mapping[str, Any]) -> int:
    value = given.get(name, NUMBERS[name])
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 5000:
        raise ImproperlyConfigured(f"{where} needs in options {name} as a whole number from 1 to 5000.")
    return value
