"""Targets, as configured in TARGETS. Needs no models: settings are read before them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from identity_manager.configured_names import is_name
from identity_manager.targets.alt_security_identities import options as alt_security_identities
from identity_manager.targets.gateway import options as gateway
from identity_manager.targets.gmail import options as gmail
from identity_manager.targets.intune import options as intune
from identity_manager.targets.ldap import options as ldap

LDAP, GATEWAY, INTUNE, GMAIL = "ldap", "gateway", "intune", "gmail"
SIGN_IN = "alt-security-identities"


@dataclass(frozen=True)
class TargetKind:
    """One kind of target. parse: parses the options to a frozen value without secrets. takes_keys: gets keys.

    identity: the default field of the person by which their entry is found.
    """

    parse: Callable[[str, Mapping[str, Any]], Any]
    takes_keys: bool = False
    identity: str = "email"


KINDS = {
    LDAP: TargetKind(ldap.parse),
    GATEWAY: TargetKind(gateway.parse, takes_keys=True),
    INTUNE: TargetKind(intune.parse, takes_keys=True, identity="upn"),
    GMAIL: TargetKind(gmail.parse, takes_keys=True),
    SIGN_IN: TargetKind(alt_security_identities.parse, identity="sid"),
}
IDENTITIES = ("email", "upn", "sid", "personnel_number")
STRONG = ("sid", "upn")  # identities that only a directory assigns; required for sign-in mappings
KEYS = frozenset({"kind", "name", "identity", "options"})


@dataclass(frozen=True)
class TargetConfiguration:
    """One entry of TARGETS. identity: the field of the person by which their entry is found.

    shown: the options as in the settings, for the page. secret: password or key of the target; no page shows
    it.
    """

    id: str
    kind: str
    name: str
    identity: str
    options: Any
    shown: Mapping[str, Any]
    secret: str = field(default="", repr=False)

    @property
    def takes_keys(self) -> bool:
        """Whether it gets private keys; else certificates only."""
        return KINDS[self.kind].takes_keys


def parse(target_id: str, given: Any, *, secret: str) -> TargetConfiguration:
    """Parse one entry of TARGETS. Raises ImproperlyConfigured, without the secret."""
    if not isinstance(given, dict) or not is_name(target_id):
        raise wrong(target_id, "must be a JSON object under a name of lower case letters, digits, hyphens")
    if unknown := sorted(set(given) - KEYS):
        raise wrong(target_id, f"does not know {', '.join(unknown)}; known: {', '.join(sorted(KEYS))}")
    if given.get("kind") not in KINDS:
        raise wrong(target_id, f"needs kind, one of {', '.join(KINDS)}")
    kind, options = KINDS[given["kind"]], given.get("options", {})
    identity = given.get("identity", kind.identity)
    if identity not in IDENTITIES:
        raise wrong(target_id, f"has identity, one of {', '.join(IDENTITIES)}")
    if given["kind"] == SIGN_IN and identity not in STRONG:
        raise wrong(target_id, f"has identity, one of {', '.join(STRONG)}")
    if not isinstance(options, dict):
        raise wrong(target_id, "needs options as a JSON object")
    return TargetConfiguration(
        id=target_id,
        kind=given["kind"],
        name=str(given.get("name") or target_id),
        identity=identity,
        options=kind.parse(target_id, options),
        shown=options,
        secret=secret,
    )


def wrong(target_id: str, what: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"TARGETS: {target_id} {what}.")
