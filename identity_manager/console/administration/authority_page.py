"""Page ADMIN, Certificate authorities: connections, options without secrets, last health check."""

import dataclasses
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ca_bridge.connection import faults, maintenance_needs, registry
from ca_bridge.models import CaAttempt
from ca_bridge.telemetry import PREFIX
from identity_manager.console.administration.job_page import took_words
from identity_manager.console.catalogue.pages import may_edit
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.console.requests.ca_answers import CaAnswer
from identity_manager.models import CaCheck, CaComparison, CaOutage, CertificateProfile, Person, ProcessTotal
from identity_manager.models.words import Vocabulary
from identity_manager.ui.parts import Pair

# Options whose values are secrets, by their names; names of secret files are shown.
SECRET = re.compile(r"pass(word|phrase)|secret|token|api_?key|(^|_)pin($|_)|credential", re.IGNORECASE)
FILE = re.compile(r"_(file|path|dir|directory)$", re.IGNORECASE)
HIDDEN = _("not shown")
TROUBLES_SHOWN = 3
TROUBLES_LOOKED_AT = 200  # the newest of all connections
CALL_SECONDS = f"{PREFIX}ca_call_seconds"
CALLS = Vocabulary(
    "calls to a CA",
    {
        "ask": _("asked to issue"),
        "fetch": _("asked for what was pending"),
        "find": _("searched"),
        "list": _("asked what it has issued"),
        "revoke": _("asked to revoke"),
        "release": _("asked to end a hold"),
    },
)
OUTCOMES = Vocabulary(
    "outcomes of calls to a CA",
    {
        **{str(outcome.value): outcome.label for outcome in CaAttempt.Outcome},
        "revoked": _("revoked"),
        "already revoked": _("revoked already"),
        "revoked together": _("answered for several together"),
        "unsupported": _("cannot be done"),
        "found": _("found"),
        "nothing": _("nothing found"),
        "released": _("released"),
        "not on hold": _("was not on hold"),
        "error": _("broke off"),
    },
)
CREDENTIALS_IN_URL = re.compile(r"(?<=://)[^/@\s]+@")


@dataclass(frozen=True)
class Calls:
    """Number and mean duration of calls to a CA by outcome."""

    call: str | Promise
    outcome: str | Promise
    number: int
    mean: timedelta

    @property
    def took(self) -> str:
        return took_words(self.mean)


@dataclass(frozen=True)
class ConnectionCard:
    """One CA connection. check: result of the last health check, if any.

    outage: open circuit breaker. troubles: latest failed orders. calls: counts of all processes.
    comparison: last comparison with the database.
    """

    alias: str
    connector: str
    options: list[Pair]
    check: CaCheck | None
    outage: CaOutage | None
    profiles: int
    limits: Sequence[str]
    troubles: Sequence[CaAnswer]
    calls: Sequence[Calls]
    comparison: CaComparison | None

    @property
    def comparison_rows(self) -> list[CaComparison]:
        """As the list of them takes it."""
        return [self.comparison] if self.comparison else []

    @property
    def took(self) -> str:
        return took_words(self.check.took) if self.check else ""

    @property
    def detail_in_words(self) -> str:
        """Detail of the last health check in words; empty where only the CA's own exist."""
        return self.check.detail_in_words if self.check else ""

    @property
    def needs(self) -> list[str]:
        """Due maintenance according to the last health check."""
        concerns = self.check.concerns if self.check else []
        return [each if isinstance(each, str) else maintenance_needs.in_words(each) for each in concerns]

    @property
    def fault(self) -> str:
        """Fault of the last health check, in words."""
        return faults.in_words(self.check.fault) if self.check and not self.check.ok else ""

    @property
    def silence(self) -> str:
        """Fault because of which orders wait, in words; empty where the last health check says the same."""
        words = faults.in_words(self.outage.fault) if self.outage else ""
        return "" if words == self.fault else words


def context(actor: Person, *, form: VerbForm) -> dict[str, Any]:
    """All connections, from stored results: the page calls no CA."""
    return {"connections": list(_connections()), "may_test": may_edit(actor), "form": form}


def options_of(alias: str) -> list[Pair]:
    """Configured options; secrets are hidden."""
    configuration = settings.CA_CONNECTORS[alias]
    pairs = [Pair(name, _shown(name, value), mono=True) for name, value in _options(configuration).items()]
    try:
        policy = registry.unknown_policy(alias)
    except ImproperlyConfigured:
        return pairs
    return [*pairs, Pair(_("Where nobody knows whether it has issued"), policy)]


def _connections() -> Iterator[ConnectionCard]:
    checks = {row.alias: row for row in CaCheck.objects.select_related("checked_by")}
    outages = {row.alias: row for row in CaOutage.objects.open()}
    comparisons = {row.alias: row for row in CaComparison.objects.newest().with_numbers()}
    troubles, calls = _troubles(), _calls()
    for alias in registry.aliases():
        yield ConnectionCard(
            alias=alias,
            connector=str(settings.CA_CONNECTORS[alias].get("CONNECTOR", "")).rsplit(".", 1)[-1],
            options=options_of(alias),
            check=checks.get(alias),
            outage=outages.get(alias),
            profiles=CertificateProfile.objects.active().filter(ca=alias).count(),
            limits=_limits(alias),
            troubles=troubles.get(alias, ())[:TROUBLES_SHOWN],
            calls=calls.get(alias, ()),
            comparison=comparisons.get(alias),
        )


def _troubles() -> dict[str, list[CaAnswer]]:
    """The newest of each connection, as the journal has them."""
    found: dict[str, list[CaAnswer]] = {}
    rows = CaAttempt.objects.in_trouble().select_related("order").only(*_TROUBLE_FIELDS)
    for row in rows[:TROUBLES_LOOKED_AT]:
        found.setdefault(row.order.ca, []).append(CaAnswer.of(row, row.answered_at))
    return found


_TROUBLE_FIELDS = ("answered_at", "outcome", "detail", "order__ca")


def _calls() -> dict[str, list[Calls]]:
    """Calls of each CA connection by kind and outcome, summed over all processes since counting began."""
    sums: dict[str, dict[str, float]] = {}
    names = {f"{CALL_SECONDS}_count": "number", f"{CALL_SECONDS}_sum": "seconds"}
    for row in ProcessTotal.objects.filter(name__in=names).order_by("labels"):
        sums.setdefault(row.labels, {})[names[row.name]] = row.value
    found: dict[str, list[Calls]] = {}
    for labels, values in sums.items():
        label, number = json.loads(labels), round(values.get("number", 0))
        if number:
            mean = timedelta(seconds=values.get("seconds", 0) / number)
            call, outcome = str(label["call"]), str(label["outcome"])
            line = Calls(CALLS.in_words(call), OUTCOMES.in_words(outcome), number, mean)
            found.setdefault(str(label["ca"]), []).append(line)
    return found


def _limits(alias: str) -> Sequence[str]:
    """Limits of the connection; empty for an invalid configuration, which its health check reports."""
    return () if registry.misconfigured(alias) else registry.limits(alias)


def _options(configuration: dict[str, Any]) -> dict[str, Any]:
    options = configuration.get("OPTIONS", {})
    if dataclasses.is_dataclass(options) and not isinstance(options, type):
        return dataclasses.asdict(options)
    return dict(options)


def _shown(name: str, value: object) -> object:
    if SECRET.search(name) and not FILE.search(name):
        return HIDDEN
    return CREDENTIALS_IN_URL.sub("", value) if isinstance(value, str) else str(value)
