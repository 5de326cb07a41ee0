"""Registry of connectors by alias, like Django's CACHES: settings.CA_CONNECTORS[alias]."""

import threading
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from django.utils.translation import override

from ca_bridge.connection import faults
from ca_bridge.connection.exception_boundary import connector_edge, repeatable_edge
from ca_bridge.contract import (
    ConnectionFault,
    Connector,
    FindsOrders,
    Health,
    ListsIssued,
    ListsProfiles,
    ReleasesHold,
    ReportsValidations,
    RevokesTogether,
    Validations,
)
from ca_bridge.contract_operation import (
    DueMaintenance,
    ItemExpiry,
    RenewsCrl,
    ReportsExpiries,
    ReportsMaintenance,
    RollsOver,
)
from ca_bridge.errors import CaError, InDoubtError

# Policies for orders with an unknown outcome, after a search at the CA.
SEARCH = "search"  # trust the search: if it finds nothing, ask again
ASK_AGAIN = "ask-again"  # ask again, also without a search
PARK = "park"  # wait for an officer
UNKNOWN_POLICIES = (SEARCH, ASK_AGAIN, PARK)
_SETTINGS = {"CONNECTOR", "OPTIONS", "UNKNOWN", "CAA", "ALLOWANCE"}


@dataclass(frozen=True, slots=True)
class Allowance:
    """A contingent: the number of certificates that were bought from a CA, counted since a moment."""

    certificates: int
    since: datetime


_instances: dict[str, tuple[dict[str, Any], Connector]] = {}
_lock = threading.Lock()


def aliases() -> tuple[str, ...]:
    """Aliases of all configured CAs."""
    return tuple(settings.CA_CONNECTORS)


def connector(alias: str) -> Connector:
    """Connector of an alias: the one instance in this process.

    Raises a permanent CaError for an unknown alias, and ImproperlyConfigured, naming the setting, for an
    invalid one.
    """
    configuration = _configuration(alias)
    with _lock:
        known = _instances.get(alias)
        if known is None or known[0] != configuration:
            _instances[alias] = known = (configuration, _make(alias, configuration))
        return known[1]


def reached(alias: str) -> Connector:
    """As connector(), for work on rows: an invalid setting is a transient fault, which an operator corrects.

    Raises CaError.
    """
    try:
        return connector(alias)
    except ImproperlyConfigured as error:
        raise CaError(faults.in_words(ConnectionFault.SETTINGS), str(error)) from error


def unknown_policy(alias: str) -> str:
    """Policy for unknown outcomes: one of UNKNOWN_POLICIES.

    Default: SEARCH for a CA that can be searched, else PARK.
    """
    searchable = isinstance(connector(alias), FindsOrders)
    default = SEARCH if searchable else PARK
    return str(_configuration(alias).get("UNKNOWN", default))


def search_decides(alias: str) -> bool:
    """Whether a search at the CA settles an unknown outcome, without an officer.

    False where its setting is invalid; asking the CA for an order reports that.
    """
    try:
        return isinstance(connector(alias), FindsOrders) and unknown_policy(alias) == SEARCH
    except (CaError, ImproperlyConfigured):
        return False


def group_size(alias: str) -> int:
    """How many orders a worker may send to this CA, one after another, before it commits the answers."""
    return int(getattr(connector(alias), "group_size", 1)) if search_decides(alias) else 1


def revokes_together(alias: str) -> bool:
    """Whether several certificates are revoked there with one call; False where its setting is invalid."""
    try:
        return isinstance(connector(alias), RevokesTogether)
    except (CaError, ImproperlyConfigured):
        return False


def limits(alias: str) -> tuple[str, ...]:
    """Limits of the connection, as sentences for officers. Does not call the CA."""
    instance = connector(alias)
    sentences = (
        (
            getattr(instance, "revokes", True),
            _("It cannot revoke: whoever runs the CA has to revoke there what is revoked here."),
        ),
        (isinstance(instance, ReleasesHold), _("It knows no hold: only a revocation for good.")),
        (
            isinstance(instance, FindsOrders),
            _("It cannot be searched: after an answer that was lost, an officer has to look at the CA."),
        ),
        (
            isinstance(instance, ListsIssued),
            _("It does not tell what it has issued: after a restore it cannot be compared."),
        ),
    )
    return tuple(sentence for can, sentence in sentences if not can)


def revokes(alias: str) -> bool:
    """Whether the connection has revocation; True where its setting is invalid."""
    try:
        return bool(getattr(connector(alias), "revokes", True))
    except (CaError, ImproperlyConfigured):
        return True


def fetch_orders(alias: str) -> bool:
    """Whether fetching a pending order orders anew; False where its setting is invalid."""
    try:
        return bool(getattr(connector(alias), "fetch_orders", False))
    except (CaError, ImproperlyConfigured):
        return False


def caa_identities(alias: str) -> tuple[str, ...]:
    """Issuer domains of a public CA in CAA records; empty for a private one or an invalid setting.

    From the option CAA of the setting, else from the connector, if only one public CA has its interface.
    """
    try:
        configured = _configuration(alias).get("CAA")
        return (configured,) if configured else tuple(getattr(connector(alias), "caa_identities", ()))
    except (CaError, ImproperlyConfigured):
        return ()


def allowance(alias: str) -> Allowance | None:
    """The configured contingent of certificates of a CA, or None. Raises as connector()."""
    connector(alias)
    return _allowance(alias, _configuration(alias))


def validations(alias: str) -> Validations | None:
    """Expiry of the CA's validations of domains and organisation; None without interface. Raises CaError."""
    instance = connector(alias)
    with repeatable_edge():
        return instance.validations() if isinstance(instance, ReportsValidations) else None


def profiles(alias: str) -> tuple[str, ...]:
    """The CA's profile names, sorted; empty where it cannot list them. Raises CaError."""
    instance = connector(alias)
    with repeatable_edge():
        return tuple(sorted(instance.profiles())) if isinstance(instance, ListsProfiles) else ()


def misconfigured(alias: str) -> str:
    """Fault in a connection's settings, as a sentence; empty if valid.

    Does not call the CA.
    """
    try:
        connector(alias)
    except ImproperlyConfigured as error:
        return str(error)
    return ""


def renew_crls() -> int:
    """Renew due CRLs of every CA that signs its own here; return the number of CAs.

    One failing CA does not stop the others; its CaError is raised at the end.
    """
    renewed, troubles = 0, []
    for alias in aliases():
        try:
            instance = reached(alias)
            with repeatable_edge():
                renewed += instance.renew_crl_if_due() if isinstance(instance, RenewsCrl) else 0
        except CaError as error:
            troubles.append(error)
    if troubles:
        raise troubles[0]
    return renewed


def due_maintenance(alias: str) -> tuple[DueMaintenance, ...]:
    """Due maintenance of a CA. Raises CaError."""
    instance = connector(alias)
    with repeatable_edge():
        return tuple(instance.due_maintenance()) if isinstance(instance, ReportsMaintenance) else ()


def expiries(alias: str) -> tuple[ItemExpiry, ...]:
    """Expiries of a CA that runs here; empty where it fails."""
    try:
        instance = connector(alias)
        with connector_edge():
            return tuple(instance.expiries()) if isinstance(instance, ReportsExpiries) else ()
    except (CaError, ImproperlyConfigured, InDoubtError):
        return ()


def holds_signing_keys(alias: str) -> bool:
    """Whether this process could sign as the CA. Raises CaError."""
    instance = connector(alias)
    with repeatable_edge():
        return isinstance(instance, RollsOver) and instance.holds_signing_keys()


def health(alias: str) -> Health:
    """Health check. Raises nothing: faults and invalid settings are results.

    Classifies the fault where possible. Details that are not findings are stored and read by everybody,
    so they are in English.
    """
    try:
        with override(None):  # the words of the source
            instance = connector(alias)
            with connector_edge():
                found = instance.health()
    except CaError as error:
        return _unwell(error, error.words)
    except (ImproperlyConfigured, InDoubtError) as error:
        return _unwell(error, str(error)[:500])
    if found.ok or found.fault:
        return found
    return replace(found, fault=faults.of_words(found.detail))


def _unwell(error: Exception, detail: str) -> Health:
    return Health(ok=False, detail=detail, fault=faults.of_error(error))


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
    if not isinstance(configuration, dict):
        raise ImproperlyConfigured(f"{where} must be an object with CONNECTOR and OPTIONS.")
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
    _check_policy(f"{where}['UNKNOWN']", configuration, instance)
    if not isinstance(configuration.get("CAA", ""), str):
        raise ImproperlyConfigured(f"{where}['CAA'] must be the domain by which CAA records name the CA.")
    _allowance(alias, configuration)
    return instance


def _allowance(alias: str, configuration: dict[str, Any]) -> Allowance | None:
    given = configuration.get("ALLOWANCE")
    if given is None:
        return None
    try:
        certificates, since = int(given["certificates"]), date.fromisoformat(given["since"])
        if certificates < 1 or set(given) != {"certificates", "since"}:
            raise ValueError("below 1, or more than these")
    except (KeyError, TypeError, ValueError) as error:
        where = f"CA_CONNECTORS[{alias!r}]['ALLOWANCE']"
        raise ImproperlyConfigured(f"{where} must have certificates, a number, and since, a date.") from error
    return Allowance(certificates, datetime.combine(since, datetime.min.time(), UTC))


def _check_policy(where: str, configuration: dict[str, Any], instance: Connector) -> None:
    policy = configuration.get("UNKNOWN", PARK)
    if policy not in UNKNOWN_POLICIES:
        raise ImproperlyConfigured(f"{where} must be one of {', '.join(map(repr, UNKNOWN_POLICIES))}.")
    if policy == SEARCH and not isinstance(instance, FindsOrders):
        raise ImproperlyConfigured(f"{where} is 'search', and this connector cannot search its CA.")


def _connector_class(where: str, configuration: dict[str, Any]) -> Any:
    try:
        connector_class = import_string(str(configuration["CONNECTOR"]))
    except (KeyError, ImportError) as error:
        raise ImproperlyConfigured(f"{where}['CONNECTOR'] must be the dotted path of a connector.") from error
    if not hasattr(connector_class, "Options"):
        raise ImproperlyConfigured(f"{where}['CONNECTOR'] has no attribute Options.")
    return connector_class
