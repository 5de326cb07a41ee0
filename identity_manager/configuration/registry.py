"""Registry of the kinds of configuration, in the order of an import: referenced kinds first."""

from identity_manager.configuration.kind import ConfigurationKind
from identity_manager.configuration.kinds.api_clients import API_CLIENTS
from identity_manager.configuration.kinds.catalogue import PROFILES, TYPES
from identity_manager.configuration.kinds.looks import LOOKS
from identity_manager.configuration.kinds.mail_texts import MAIL_TEXTS
from identity_manager.configuration.kinds.standing_orders import STANDING_ORDERS
from identity_manager.configuration.kinds.targets import TARGETS
from identity_manager.configuration.kinds.terms import TERMS

KINDS: dict[str, ConfigurationKind] = {
    kind.name: kind
    for kind in (PROFILES, TERMS, TYPES, MAIL_TEXTS, LOOKS, STANDING_ORDERS, TARGETS, API_CLIENTS)
}
