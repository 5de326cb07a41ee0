"""Borders that import-linter does not see: who may lock, who may change a row, who may catch everything."""

import ast
import re
import tomllib

from tests.architecture.source import ROOT, Module, modules

LOCKING = {"identity_manager.transactions.locking", "identity_manager.transactions.issuance_locks"}
PORTALS = ("selfservice", "identity_manager.console", "identity_manager.api")
ROW_CHANGES = {"save", "create", "bulk_create", "bulk_update", "update_or_create", "get_or_create", "delete"}
# Where an unknown program's unknown error must become ours.
BROAD_EXCEPTS = {
    "identity_manager.mail.company_texts.source",  # what a company wrote costs no mail
    "identity_manager.jobs.runner",
    "identity_manager.management.doctor.__init__",  # one check must not hide the others
    "identity_manager.jobs.standby",
    "identity_manager.workflow.targets.calls",  # the edge to targets: what nobody foresaw is in doubt
    "identity_manager.transactions.retry_later",  # of many rows, one: it is raised when all had their turn
}
# Where SQL is written by hand, or an undocumented part of Django is used, beside ca_bridge/database.
OWN_SQL = re.compile(
    r"\bconnection\.cursor\(\)|\bRawSQL\b|\bget_compiler\b|\bsql_with_params\b|\bas_sql\(|"
    r"\b_result_cache\b|\b_prefetched_objects_cache\b"
)
MAY_WRITE_SQL = {
    "identity_manager.config.observability.health": "SELECT 1",
    "identity_manager.console.lists.counting": "the numbers of all tabs in one statement",
    "identity_manager.console.lists.distinct_values": "a skip scan of an index, which Django lacks",
    "identity_manager.mail.specimens": "rows that are in no database, with what they would prefetch",
    "identity_manager.management.backup.postgresql": "COPY, and the extent of the snapshot",
    "identity_manager.management.backup.restoring": "sequences and constraints of a new database",
    "identity_manager.management.backup.sqlite": "PRAGMA",
    "identity_manager.management.doctor.database": "the version of the server",
    "identity_manager.metrics.clocks": "the server's clock",
    "identity_manager.models.catalogue.former_columns": "columns of release 1.0 that its code still writes",
    "identity_manager.models.operation.process_metrics": "ON CONFLICT that adds to what is there",
    "identity_manager.models.people.sqlite_search_tables": "the full-text tables of SQLite",
    "identity_manager.models.person_search.matching": "the search of persons, measured at a million of them",
    "identity_manager.models.person_search.postgresql": "its indexes and functions",
    "identity_manager.models.prefetched": "one place that gives a row its related rows",
    "identity_manager.models.prefix_lookup": "a lookup of its own, as Django documents them",
    "identity_manager.models.requests.certificate_subject_index": "a trigram index of an expression",
    "identity_manager.transactions.advisory_locks": "pg_advisory_xact_lock",
    "identity_manager.vault.wrapping": "what makes SQLite overwrite erased content",
}
CONNECTOR_MODULE = re.compile(r"^ca_bridge\.connectors\.(\w+)\.")
CONNECTORS_MAY_IMPORT = tuple(
    f"ca_bridge.{name}"
    for name in (
        "contract",
        "contract_operation",
        "errors",
        "health_findings",
        "connection.bundles",
        "connection.http",
        "connection.multipart",
        "connection.reply",
        "keys.hsm",
        "x509.algorithm_strength",
        "x509.der",
    )
)


def attribute_calls(module: Module) -> list[tuple[str, int]]:
    return [
        (node.func.attr, node.lineno)
        for node in module.nodes
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    ]


def test_rows_are_locked_in_one_place() -> None:
    """One place, one order: person, request, token, certificate."""
    found = [
        f"{module.path}:{line}"
        for module in modules("identity_manager", "selfservice")
        if module.name not in LOCKING
        for name, line in attribute_calls(module)
        if name == "select_for_update"
    ]
    assert found == []


def test_sql_is_written_in_named_places() -> None:
    found = {
        module.name
        for module in modules()
        if OWN_SQL.search(module.text)
        and not module.name.startswith("ca_bridge.database.")
        and ".migrations." not in module.name
    }
    assert found == MAY_WRITE_SQL.keys()


def test_portals_call_verbs_and_change_no_row() -> None:
    found = [
        f"{module.path}:{line} {name}()"
        for module in modules()
        if module.name.startswith(PORTALS)
        for name, line in attribute_calls(module)
        if name in ROW_CHANGES
    ]
    assert found == []


def test_connectors_know_the_contract_and_themselves() -> None:
    found = []
    for module in modules("ca_bridge"):
        match = CONNECTOR_MODULE.match(module.name)
        if match is None:
            continue
        own = f"ca_bridge.connectors.{match.group(1)}"
        found += [
            f"{module.path}: {name}"
            for name in module.imports()
            if name.startswith("ca_bridge.") and not _is_within(name, (own, *CONNECTORS_MAY_IMPORT))
        ]
    assert found == []


def _is_within(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == each or name.startswith(f"{each}.") for each in packages)


def test_each_part_of_the_product_has_its_layer() -> None:
    """A new module or folder at the top stands in the contract of layers (pyproject.toml)."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())
    layers = " ".join(config["tool"]["importlinter"]["contracts"][0]["layers"])
    parts = {
        each.stem
        for each in (ROOT / "identity_manager").iterdir()
        if (each.is_dir() and (each / "__init__.py").exists()) or each.suffix == ".py"
    }
    without = {"__init__", "migrations"}  # a migration may import whatever wrote its rows
    assert {each for each in parts - without if f"identity_manager.{each}" not in layers} == set()


def test_everything_is_caught_only_at_the_edges() -> None:
    """The edge to connectors (exception_boundary) catches everything, too, and raises it as one of ours."""
    found = {
        (module.name, f"{module.path}:{node.lineno}")
        for module in modules()
        for node in module.nodes
        if isinstance(node, ast.ExceptHandler) and is_broad(node)
    }
    assert {where for name, where in found if name not in BROAD_EXCEPTS} == set()
    assert {name for name, _where in found} == BROAD_EXCEPTS


def is_broad(handler: ast.ExceptHandler) -> bool:
    """Catches everything and keeps it; what sets something right and raises again is no catch-all."""
    caught = handler.type
    if isinstance(handler.body[-1], ast.Raise):
        return False
    return caught is None or (isinstance(caught, ast.Name) and caught.id in {"Exception", "BaseException"})


def test_tasks_are_handed_over_in_one_place() -> None:
    found = [
        f"{module.path}:{line} {name}()"
        for module in modules()
        if module.name != "identity_manager.queue"
        for name, line in attribute_calls(module)
        if name in {"delay", "apply", "apply_async", "send_task", "on_commit"}
    ]
    assert found == []
