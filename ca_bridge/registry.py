"""From an alias to a connector, as Django's CACHES: settings.CA_CONNECTORS[alias]."""

import threading
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from ca_bridge.contract import Connector, Health, RenewsCrl
from ca_bridge.errors import CaError

ASK_AGAIN = "ask again"
PARK = "park"
_SETTINGS = {"CONNECTOR", "OPTIONS", "UNKNOWN"}

_instances: dict[str, tuple[dict[str, Any], Connector]] = {}
_lock = threading.Lock()


def aliases() -> tuple[str, ...]:
    """Return the aliases of all configured CAs."""
    return tuple(settings.CA_CONNECTORS)


def connector(alias: str) -> Connector:
    """Return the one instance of this process for an alias.

    Raises CaError, permanent, for an alias that is not configured, and ImproperlyConfigured, with a
    sentence that names the setting, for one that is configured wrongly.
    """
    configuration = _configuration(alias)
    with _lock:
        known = _instances.get(alias)
        if known is None or known[0] != configuration:
            _instances[alias] = known = (configuration, _make(alias, configuration))
        return known[1]


def unknown_policy(alias: str) -> str:
    """Return what is done where nobody knows whether the CA has issued: ASK_AGAIN or PARK."""
    policy = _configuration(alias).get("UNKNOWN", ASK_AGAIN)
    if policy not in {ASK_AGAIN, PARK}:
        raise ImproperlyConfigured(f"CA_CONNECTORS[{alias!r}]['UNKNOWN'] must be 'ask again' or 'park'.")
    return str(policy)


def renew_crls() -> int:
    """Renew the CRLs that are due at every CA that signs its own here; return at how many CAs.

    A CA in trouble does not keep the others from theirs; its CaError is raised at the end.
    """
    renewed, troubles = 0, []
    for alias in aliases():
        instance = connector(alias)
        if isinstance(instance, RenewsCrl):
            try:
                renewed += instance.renew_crl_if_due()
            except CaError as error:
                troubles.append(error)
    if troubles:
        raise troubles[0]
    return renewed


def health(alias: str) -> Health:
    """Return whether the CA answers now. Never raises: trouble, and a wrong setting, are the answer."""
    try:
        return connector(alias).health()
    except CaError as error:
        return Health(ok=False, detail=f"{error.message} {error.detail}".strip())
    except ImproperlyConfigured as error:
        return Health(ok=False, detail=str(error))


def _configuration(alias: str) -> dict[str, Any]:
    try:
        configuration: dict[str, Any] = settings.CA_CONNECTORS[alias]
    except KeyError as error:
        raise CaError(
            _("The certificate authority %(alias)s is not configured.") % {"alias": alias}, permanent=True
        ) from error
    return configuration


def _make(alias: str, configuration: dict[str, Any]) -> Connector:
    where = f"CA_CONNECTORS[{alias!r}]"
    if unknown := set(configuration) - _SETTINGS:
        raise ImproperlyConfigured(f"{where} has settings that nobody knows: {', '.join(sorted(unknown))}.")
    connector_class = _connector_class(where, configuration)
    try:
        options = connector_class.Options(**configuration.get("OPTIONS", {}))
    except (TypeError, ValueError) as error:
        raise ImproperlyConfigured(f"{where}['OPTIONS']: {error}") from error
    instance = connector_class(options)
    if not isinstance(instance, Connector):
        raise ImproperlyConfigured(f"{where}['CONNECTOR'] lacks methods of ca_bridge.contract.Connector.")
    return instance


def _connector_class(where: str, configuration: dict[str, Any]) -> Any:
    try:
        connector_class = import_string(configuration["CONNECTOR"])
    except (KeyError, ImportError) as error:
        raise ImproperlyConfigured(f"{where}['CONNECTOR'] must be the dotted path of a connector.") from error
    if not hasattr(connector_class, "Options"):
        raise ImproperlyConfigured(f"{where}['CONNECTOR'] has no attribute Options.")
    return connector_class
