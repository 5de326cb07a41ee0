"""The configured targets, each by the connector of its kind."""

from collections.abc import Callable

from django.conf import settings

from identity_manager.targets.configuration import TargetConfiguration
from identity_manager.targets.contract import Connector, KeyConnector
from identity_manager.targets.gateway.connector import GatewayTarget
from identity_manager.targets.intune.connector import IntuneTarget
from identity_manager.targets.ldap.connector import LdapTarget

CONNECTORS: dict[str, Callable[[TargetConfiguration], Connector]] = {"ldap": LdapTarget}
KEY_CONNECTORS: dict[str, Callable[[TargetConfiguration], KeyConnector]] = {
    "gateway": GatewayTarget,
    "intune": IntuneTarget,
}


def configuration_of(name: str) -> TargetConfiguration | None:
    """The configuration of a target; None where the settings do not have it any more."""
    found: TargetConfiguration | None = settings.TARGETS.get(name)
    return found


def connector_of(configuration: TargetConfiguration) -> Connector:
    """The target itself."""
    return (CONNECTORS | KEY_CONNECTORS)[configuration.kind](configuration)


def key_connector_of(configuration: TargetConfiguration) -> KeyConnector:
    """The target itself, of a kind that takes keys."""
    return KEY_CONNECTORS[configuration.kind](configuration)
