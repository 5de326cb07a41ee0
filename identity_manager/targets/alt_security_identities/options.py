"""Options of altSecurityIdentities as a target: those of LDAP, and which form the values have."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from identity_manager.targets.ldap import options as ldap
from identity_manager.targets.ldap.options import LdapOptions

ATTRIBUTE = "altSecurityIdentities"
ISSUER_SERIAL, KEY_IDENTIFIER = "issuer-serial", "key-identifier"
FORMS = (ISSUER_SERIAL, KEY_IDENTIFIER)


@dataclass(frozen=True)
class SignInOptions:
    """ldap: the directory. form: of the values."""

    ldap: LdapOptions
    form: str

    @property
    def bind_dn(self) -> str:
        """The bind account, which no other target and no directory source may use."""
        return self.ldap.bind_dn


def parse(target_id: str, given: Mapping[str, Any]) -> SignInOptions:
    """Raises ImproperlyConfigured where the options do not make such a target."""
    where = f"TARGETS: {target_id}"
    if wrong := sorted({"attribute", "option", "flavour"} & set(given)):
        raise ImproperlyConfigured(f"{where} does not know in options {', '.join(wrong)}.")
    form = given.get("form", ISSUER_SERIAL)
    if form not in FORMS:
        raise ImproperlyConfigured(f"{where} has in options form, one of {', '.join(FORMS)}.")
    directory = ldap.parse(target_id, {name: value for name, value in given.items() if name != "form"})
    return SignInOptions(replace(directory, attribute=ATTRIBUTE, option=""), form)
