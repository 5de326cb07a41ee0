"""Registry of targets: configuration and connector by name.

Those of LDAP are imported when they are wanted: their library takes 4 MB of every process.
"""

from collections.abc import Callable

from django.conf import settings

from identity_manager.targets.configuration import (
    GATEWAY,
    GMAIL,
    INTUNE,
    LDAP,
    SIGN_IN,
    TargetConfiguration,
)
from identity_manager.targets.contract import Connector, KeyConnector
from identity_manager.targets.gateway.connector import GatewayTarget
from identity_manager.targets.gmail.connector import GmailTarget
from identity_manager.targets.intune.connector import IntuneTarget


def _ldap_target(configuration: TargetConfiguration) -> Connector:
    from identity_manager.targets.ldap.connector import LdapTarget

    return LdapTarget(configuration)


def _sign_in_target(configuration: TargetConfiguration) -> Connector:
    from identity_manager.targets.alt_security_identities.connector import SignInTarget

    return SignInTarget(configuration)


CONNECTORS: dict[str, Callable[[TargetConfiguration], Connector]] = {
    LDAP: _ldap_target,
    SIGN_IN: _sign_in_target,
}
KEY_CONNECTORS: dict[str, Callable[[TargetConfiguration], KeyConnector]] = {
    GATEWAY: GatewayTarget,
    INTUNE: IntuneTarget,
    GMAIL: GmailTarget,
}


def configuration_of(name: str) -> TargetConfiguration | None:
    """The configuration of a target; None where the settings do not have it any more."""
    found: TargetConfiguration | None = settings.TARGETS.get(name)
    return found


def takers_of_keys() -> list[str]:
    """Names of the configured targets that get private keys."""
    return [name for name, each in settings.TARGETS.items() if each.takes_keys]


def connector_of(configuration: TargetConfiguration) -> Connector:
    """A new connector of the configured kind."""
    return (CONNECTORS | KEY_CONNECTORS)[configuration.kind](configuration)


def key_connector_of(configuration: TargetConfiguration) -> KeyConnector:
    """A new connector, of a kind that gets keys."""
    return KEY_CONNECTORS[configuration.kind](configuration)
