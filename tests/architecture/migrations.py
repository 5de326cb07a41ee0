"""Which migrations the old version could not live with, while both versions run (docs/how-to/upgrade.md)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from django.db import migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from ca_bridge.database.online_index import AddIndexOnline, AddUniqueOnline
from identity_manager.jobs import month_partitions

FieldOfAny: TypeAlias = "models.Field[object, object]"

# What came up to these belongs to no release: nobody runs an old version of it. They are not all safe.
BASELINE = {"identity_manager": "0019", "ca_bridge": "0001", "embedded_ca": "0001"}

# What the old version uses, or would have to know of.
NEVER = (
    migrations.RemoveField,
    migrations.DeleteModel,
    migrations.RenameField,
    migrations.RenameModel,
    migrations.AlterModelTable,
    migrations.AddConstraint,
    migrations.AlterUniqueTogether,
)
HARMLESS = (
    migrations.CreateModel,
    migrations.AlterModelOptions,
    migrations.AlterModelManagers,
    migrations.RemoveConstraint,
    migrations.RemoveIndex,
    migrations.RenameIndex,
    migrations.SeparateDatabaseAndState,
)
# Without a transaction around the migration, what was done stays when it breaks off, and comes once more.
REPEATABLE = (
    AddIndexOnline,
    AddUniqueOnline,
    migrations.RemoveIndex,  # DROP INDEX IF EXISTS
    migrations.AlterField,
    migrations.AlterModelOptions,
    migrations.AlterModelManagers,
    migrations.SeparateDatabaseAndState,
    migrations.RunPython,
)


@dataclass(frozen=True)
class Step:
    """One operation of a migration, with what was there before it."""

    migration: migrations.Migration
    operation: Operation
    before: ProjectState

    @property
    def name(self) -> str:
        what = self.operation.migration_name_fragment or type(self.operation).__name__.lower()
        return f"{self.migration.app_label}.{self.migration.name}: {type(self.operation).__name__} {what}"


def one_by_one(loader: MigrationLoader) -> MigrationLoader:
    """As for an installation that has some of them: it applies no migration in place of others."""
    loader.replace_migrations = False
    loader.build_graph()
    return loader


def leaves(loader: MigrationLoader) -> list[tuple[str, str]]:
    """The last migration of each app, but for one that is there in place of others."""
    return [leaf for leaf in loader.graph.leaf_nodes() if not loader.graph.nodes[leaf].replaces]


def plan() -> list[migrations.Migration]:
    """Every migration in an order in which they can be applied; those after the baseline come last."""
    loader = one_by_one(MigrationLoader(None))
    nodes: dict[tuple[str, str], None] = {}
    for leaf in leaves(loader):
        nodes.update(dict.fromkeys(loader.graph.forwards_plan(leaf)))
    return sorted((loader.graph.nodes[node] for node in nodes), key=is_newer)


def is_newer(migration: migrations.Migration) -> bool:
    """Whether it is ours, and came after the baseline."""
    baseline = BASELINE.get(migration.app_label)
    return baseline is not None and migration.name[:4] > baseline


def steps() -> Iterator[Step]:
    """Every operation after the baseline."""
    state = ProjectState()
    for migration in plan():
        if not is_newer(migration):
            migration.mutate_state(state, preserve=False)
            continue
        for operation in migration.operations:
            yield Step(migration, operation, state.clone())
            operation.state_forwards(migration.app_label, state)


def danger(step: Step) -> str:
    """What the old version could not live with; empty where there is nothing."""
    operation = step.operation
    if not step.migration.atomic and not isinstance(operation, REPEATABLE):
        return "it cannot be repeated when the migration breaks off after it: a migration of its own"
    if isinstance(operation, HARMLESS) or _is_of_a_new_table(step):
        return ""
    if isinstance(operation, AddUniqueOnline):
        return "" if not step.migration.atomic else "atomic = False is missing"
    if isinstance(operation, NEVER):
        return "the old version uses what changes, or breaks the new rule"
    if isinstance(operation, migrations.AddField):
        return _of_a_new_column(operation.field)
    if isinstance(operation, migrations.AlterField):
        before = step.before.models[step.migration.app_label, operation.model_name_lower]
        return _of_a_changed_column(before.fields[operation.name], operation.field)
    if isinstance(operation, migrations.AddIndex):
        return _of_an_index(step, operation)
    return "nothing tells whether it is safe"  # RunPython, RunSQL, and what nobody has thought of


def _is_of_a_new_table(step: Step) -> bool:
    """The old version does not know it."""
    new = {each.name_lower for each in step.migration.operations if isinstance(each, migrations.CreateModel)}
    return getattr(step.operation, "model_name_lower", None) in new


def _of_a_new_column(field: FieldOfAny) -> str:
    """The old version inserts rows without it."""
    if field.many_to_many or field.null or field.has_db_default():
        return "it must be unique, and the default is one" if field.unique and not field.null else ""
    return "the old version inserts rows without it: null=True or db_default"


def _of_a_changed_column(before: FieldOfAny, after: FieldOfAny) -> str:
    """Words, choices and validators are the code's own; the rest is the database's."""
    if before.null and not after.null:
        return "the old version still writes NULL"
    if after.unique and not before.unique:
        return "the old version knows no such rule"
    if (before.max_length or 0) > (after.max_length or before.max_length or 0):
        return "the old version writes longer ones"
    if type(before) is not type(after) or _sizes(before) != _sizes(after):
        return (
            "workers of the old version hold prepared statements, and PostgreSQL ends each that asks for the "
            "column (cached plan must not change result type): a new column"
        )
    return ""


def _sizes(field: FieldOfAny) -> list[object]:
    """What is part of the column's type in PostgreSQL; the most that a text may have is the code's own."""
    names = ["max_digits", "decimal_places", "db_collation"]
    if not isinstance(field, (models.TextField, models.BinaryField)):
        names.append("max_length")
    return [getattr(field, name, None) for name in names]


def _of_an_index(step: Step, operation: migrations.AddIndex) -> str:
    """Writers wait while it is built."""
    if isinstance(operation, AddIndexOnline):
        return "" if not step.migration.atomic else "atomic = False is missing"
    return "writers wait while it is built: AddIndexOnline"


# --- Tables divided by month -----------------------------------------------------------------------
# docs/how-to/partition-by-month.md. Elsewhere such a migration works, so no other test meets it.
DIVIDED = frozenset(model._meta.label_lower for model in month_partitions.TABLES)
DROPPED_BY_MONTH = frozenset({"identity_manager.auditevent"})
UNIQUE = "PostgreSQL keeps it within a month alone: over all of them something else must (decision 58)"


def not_by_month(step: Step) -> str:
    """What a table that is divided by month cannot hold; empty where there is nothing."""
    operation = step.operation
    if isinstance(operation, migrations.SeparateDatabaseAndState):
        each = (Step(step.migration, part, step.before) for part in operation.database_operations)
        return next(filter(None, map(not_by_month, each)), "")
    if isinstance(operation, migrations.CreateModel):
        return next(filter(None, (_leads_to_months(step, field) for _name, field in operation.fields)), "")
    is_of_months = f"{step.migration.app_label}.{getattr(operation, 'model_name_lower', '')}" in DIVIDED
    if isinstance(operation, (migrations.AddField, migrations.AlterField)):
        return _leads_to_months(step, operation.field) or (is_of_months and _is_unique(operation.field)) or ""
    if isinstance(operation, migrations.AddConstraint) and is_of_months:
        return "" if isinstance(operation.constraint, models.CheckConstraint) else UNIQUE
    if isinstance(operation, migrations.AlterUniqueTogether):
        label = f"{step.migration.app_label}.{operation.name_lower}"
        return UNIQUE if label in DIVIDED and operation.unique_together else ""
    return ""


def _is_unique(field: FieldOfAny) -> str:
    return UNIQUE if field.unique and not field.primary_key else ""


def _leads_to_months(step: Step, field: FieldOfAny) -> str:
    """A foreign key to a divided table: to its key alone, and to none whose months are dropped."""
    if field.remote_field is None:
        return ""
    app, _dot, name = str(field.remote_field.model).lower().rpartition(".")  # a name, in a migration
    label = f"{app or step.migration.app_label}.{name}"
    if label in DROPPED_BY_MONTH:
        return "a month to which foreign keys lead cannot be dropped"
    to = getattr(field.remote_field, "field_name", None)
    if label in DIVIDED and to not in (None, "id"):
        return f"{to} is unique within a month alone, and no foreign key can lead to it"
    return ""
