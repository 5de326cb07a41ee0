"""docs/explanation/architecture.md and its two SVG pictures: import layers, and the road of a token."""

import tomllib
from collections.abc import Sequence
from html import escape
from typing import Any

from identity_manager.workflow import ROAD, RoadStep
from tests.architecture.source import ROOT
from tests.documents import markdown

PYPROJECT = ROOT / "pyproject.toml"
WIDTH, ROW, BOX, GAP, MARGIN = 1110, 52, 38, 10, 16
NAME, VERB, STATES = 56, 510, 790  # left edges of the columns
LAYERS_SVG, ROAD_SVG = "images/architecture-layers.svg", "images/architecture-road.svg"

LAYERS_ALT = "Import layers from top to bottom; the table below lists the same packages"
ROAD_ALT = "The seven steps with their verbs and states; the road of a token describes the same in prose"
LAYERS_TEXT = """\
A package may import those below it, never those above or beside it. import-linter checks this in `make lint`,
without exceptions (`[tool.importlinter]` in `pyproject.toml`, from which this picture is made);
`tests/architecture/test_import_circles.py` finds circular imports between modules."""
ROAD_TEXT = """\
Every change of a request or token is a verb (a function, one transaction) in
`identity_manager/workflow/`. ROAD in `identity_manager/workflow/__init__.py` is the index, from which this
picture is made: page, verb, states, task, mails and tests of each step.
[The road of a token](road-of-a-token.md) explains it."""
SHAPES = """\
| shape | what it does |
|---|---|
| view | fetches with permission check, parses a form, calls one verb, redirects |
| verb | one transaction: lock, refuse, transition, save, audit, enqueue after commit |
| transition | django-fsm method of a model; changes its own row only, no I/O |
| outside call | claim (lease) in one transaction, act outside any, settle in a second one if still leased |
| task | Celery adapter: an id becomes a verb; the row's next attempt and the sweep do the retries |"""

PURPOSES = {
    "identity_manager.apps": "Django app configuration; loads the tasks",
    "identity_manager.config": "composition root: settings, checks, URLs, Celery, WSGI, backends",
    "selfservice": "Self-Service, the portal for persons",
    "identity_manager.console": "the officers' portal: per feature urls, views, page and forms",
    "identity_manager.management": "commands of `manage.py`, doctor, backup",
    "identity_manager.tasks": "Celery tasks",
    "identity_manager.metrics": "Prometheus metrics, summed up over all processes",
    "identity_manager.jobs": "periodic jobs, sweep, retention, key rotation, standby worker",
    "identity_manager.api": "HTTP interfaces for other programs",
    "identity_manager.account": "sign-in of both portals: passkeys, second factors, SSO, sessions",
    "identity_manager.configuration": "configuration files: export, comparison, import as drafts",
    "identity_manager.workflow": "verbs of the workflow (the road): every change of a request or token",
    "identity_manager.authorities": "CA connections: circuit breaker, health checks, embedded CA commands",
    "identity_manager.ui": "design system of both portals: template tags, forms, headers, dates",
    "identity_manager.demo": "the demo organisation and its journey",
    "identity_manager.events": "SIEM sinks and webhooks: audit events for other systems",
    "identity_manager.people": "verbs on persons, roles, accounts, imports, erasure",
    "identity_manager.catalogue": "verbs on token types, certificate profiles and terms",
    "identity_manager.mail": "mail texts, outbox, sending",
    "identity_manager.audit": "audit log: record, seal, verify, evidence files, signed heads",
    "identity_manager.directory": "sources of persons",
    "identity_manager.targets": "destinations of certificates and keys",
    "identity_manager.queries": "read-only queries of pages over several models",
    "identity_manager.queue": "publishing of tasks after commit",
    "identity_manager.transactions": "row locks, refusals, retry of unexpected errors",
    "identity_manager.models": "fields, constraints, QuerySets and state machines; no I/O",
    "identity_manager.vault": "envelope encryption of secrets at rest",
    "identity_manager.telemetry": "correlation ids, counters and histograms",
    "identity_manager.task_names": "names of Celery tasks, for whoever enqueues",
    "identity_manager.person_fields": "names of the fields of a person, for settings too",
    "identity_manager.configured_names": "names of entries of the settings: targets, directories, SIEM sinks",
    "identity_manager.audit_proof": "hash chain and signatures of the audit log, without Django",
    "identity_manager.installation": "proof that two processes belong to one installation",
    "identity_manager.colours": "an accent colour, moved until it is legible in both modes",
    "identity_manager.ldap_connection": "LDAP with verified TLS: bind, search, modify",
    "identity_manager.mail_connection": "SMTP or a provider's API, by the settings",
    "ca_bridge": "X.509, PKCS#12 and CAs; knows no persons, requests or portals",
    "ca_bridge.issuing": "the interface: journal_order, ask, record an order",
    "ca_bridge.publication": "certificates, CRLs and OCSP over HTTP",
    "ca_bridge.orders": "drafting, journal, unknown outcomes, reconciliation with CAs",
    "ca_bridge.models": "rows of the journal",
    "ca_bridge.connectors": "one folder per CA product or protocol",
    "ca_bridge.connection": "registry of connectors, HTTP, faults, self-test",
    "ca_bridge.pkcs12": "containers: writer, independent reader, passphrases",
    "ca_bridge.telemetry": "duration and outcome of CA calls",
    "ca_bridge.x509": "requests, certificates, profiles, linting, verification",
    "ca_bridge.keys": "key generation, pool of keys generated in advance",
    "ca_bridge.contract_operation": "optional protocols of CAs that run in this installation",
    "ca_bridge.contract": "the protocol that every connector implements",
    "ca_bridge.errors": "exceptions of the bridge",
    "ca_bridge.health_findings": "findings of health checks, in words",
    "ca_bridge.database": "prepared queries, state machine base, binary field",
    "ca_bridge.outgoing": "outgoing HTTPS: trusted CAs and proxy",
}


def page() -> str:
    """The whole page."""
    core, bridge = contracts()
    rules = [f"- {each['name']}" for each in _contracts()]
    return markdown.page(
        "explanation/architecture.md",
        markdown.section(
            "Who may import whom", LAYERS_TEXT, f"![{LAYERS_ALT}](../{LAYERS_SVG})", "\n".join(rules)
        ),
        markdown.section("Packages", _table(core), "Inside the bridge:", _table(bridge)),
        markdown.section("The road", ROAD_TEXT, f"![{ROAD_ALT}](../{ROAD_SVG})"),
        markdown.section("Five shapes of code", SHAPES),
    )


def contracts() -> tuple[list[list[str]], list[list[str]]]:
    """The packages of the two layer contracts, top first."""
    core, bridge = (
        [[_named(name.strip(" ()"), contract) for name in layer.split("|")] for layer in contract["layers"]]
        for contract in _contracts()
        if contract["type"] == "layers"
    )
    return core, bridge


def _named(layer: str, contract: dict[str, Any]) -> str:
    """The module of a layer, which is named within its container where there is one."""
    return ".".join([*contract.get("containers", []), layer])


def layers_svg() -> str:
    """The layers as rows of boxes."""
    core, bridge = contracts()
    core = core[:-1]  # the bridge, which is drawn whole
    parts = [_text(MARGIN, 24, "identity_manager, selfservice", "head")]
    parts += _rows(core, top=36, kind="core")
    below = 36 + ROW * len(core)
    parts.append(_text(MARGIN, below + 30, "ca_bridge", "head"))
    parts += _rows(bridge, top=below + 42, kind="bridge")
    return _svg(below + 42 + ROW * len(bridge) + 8, LAYERS_ALT, parts)


def road_svg() -> str:
    """The steps as rows: number, what happens, verb, states."""
    parts = [_text(x, 24, head, "head") for x, head in ((NAME, "step"), (VERB, "verb"), (STATES, "states"))]
    top = 36
    for step in ROAD:
        states = _states(step)
        height = max(BOX, 18 * len(states) + 18)
        parts.append(_box(MARGIN, top, WIDTH - 2 * MARGIN, height, "core"))
        parts.append(_text(MARGIN + 14, top + 24, str(step.number), "number"))
        parts.append(_text(NAME, top + 24, step.name, "name"))
        parts.append(_text(VERB, top + 24, step.verbs[0], "code"))
        parts += [_text(STATES, top + 24 + 18 * index, line, "code") for index, line in enumerate(states)]
        top += height + GAP
    return _svg(top + 8, ROAD_ALT, parts)


def _contracts() -> list[dict[str, Any]]:
    settings: dict[str, Any] = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["tool"]["importlinter"]
    return list(settings["contracts"])


def _table(layers: Sequence[Sequence[str]]) -> str:
    rows = [(markdown.code(name), PURPOSES[name]) for layer in layers for name in layer]
    return markdown.table(("package", "what it is for"), rows)


def _states(step: RoadStep) -> list[str]:
    machines = (("request", step.request), ("token", step.token))
    return [f"{name} {states[0]} → {states[1]}" for name, states in machines if states]


def _rows(layers: Sequence[Sequence[str]], *, top: int, kind: str) -> list[str]:
    parts = []
    for number, layer in enumerate(layers):
        width = (WIDTH - 2 * MARGIN - GAP * (len(layer) - 1)) / len(layer)
        for index, name in enumerate(layer):
            x = MARGIN + index * (width + GAP)
            parts.append(_box(x, top + number * ROW, width, BOX, kind))
            label = name.rpartition(".")[2]
            parts.append(_text(x + width / 2, top + number * ROW + 24, label, "label"))
    return parts


def _box(x: float, y: float, width: float, height: float, kind: str) -> str:
    return f'<rect class="{kind}" x="{x:g}" y="{y:g}" width="{width:.1f}" height="{height:g}" rx="6"/>'


def _text(x: float, y: float, text: str, kind: str) -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:g}">{escape(text)}</text>'


def _svg(height: int, title: str, parts: Sequence[str]) -> str:
    """On a background of its own: readable in light and dark pages."""
    style = (
        "text{font:14px system-ui,sans-serif;fill:#1b2a2f}"
        ".head,.number{font-weight:600}.label{text-anchor:middle}"
        ".code{font:12px ui-monospace,monospace}"
        ".core{fill:#e3f3f1;stroke:#2a7f78}.bridge{fill:#eef0fb;stroke:#5560a8}"
    )
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
            f"<title>{escape(title)}</title>",
            f"<style>{style}</style>",
            f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
            *parts,
            "</svg>\n",
        ]
    )
