"""The safe base under every state machine: protected transitions and an integer version."""

from collections.abc import Collection, Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.db import DEFAULT_DB_ALIAS, connections, models, transaction
from django_fsm import ConcurrentTransition, FSMField, FSMFieldMixin

if TYPE_CHECKING:
    from django.db.models.options import Options

    class ConcurrentTransitionMixin:
        """Typed stub of django-fsm's class, which is Any to type checkers and would make every model Any."""

        _meta: Options[Any]

        def _update_initial_state(self) -> None: ...

        def _do_insert(self, *args: Any) -> Any: ...

        def _do_update(self, base_qs: Any, *args: Any, **kwargs: Any) -> Any: ...
else:
    from django_fsm import ConcurrentTransitionMixin


_UNKNOWN = object()
SAVED_BY_ANOTHER = "This row was saved by somebody else since it was read."
_CHANGED_IN_PLACE = (dict, list, set, bytearray, memoryview)


class SafeFSM(ConcurrentTransitionMixin):
    """Optimistic locking on the state, with a thread-safe refresh_from_db.

    django-fsm's refresh_from_db unprotects the state field on the *class* for a moment: meanwhile other
    threads can assign a state directly. Put this class first in the bases.
    """

    def refresh_from_db(
        self,
        using: str | None = None,
        fields: Iterable[str] | None = None,
        from_queryset: Any = None,
    ) -> None:
        """Reload the row; a protected field is set aside instead of being unprotected."""
        wanted = None if fields is None else set(fields)
        protected = self._protected_fields()
        kept = {f.attname: self.__dict__.pop(f.attname) for f in protected if f.attname in self.__dict__}
        try:
            models.Model.refresh_from_db(self, using=using, fields=wanted, from_queryset=from_queryset)
        except BaseException:
            self.__dict__.update({name: value for name, value in kept.items() if name not in self.__dict__})
            raise
        reloaded = [f for f in protected if wanted is None or wanted & {f.name, f.attname}]
        if reloaded:
            self._update_initial_state()
        # A partial refresh leaves the states that it was not asked for as they were.
        untouched = {field.attname for field in protected if field not in reloaded}
        self.__dict__.update({name: value for name, value in kept.items() if name in untouched})

    @property
    def state_fields(self) -> tuple[Any, ...]:
        """As in django-fsm, but cached: it looks for them among all fields whenever a row is read."""
        return _state_fields(self._meta)

    def _protected_fields(self) -> "list[models.Field[Any, Any]]":
        return [field for field in self.state_fields if field.protected]


@cache
def _state_fields(meta: "Options[Any]") -> "tuple[models.Field[Any, Any], ...]":
    return tuple(field for field in meta.fields if isinstance(field, FSMFieldMixin))


class StateField(FSMField):
    """A state that only transitions change. Migrations see a CharField, as their models have no transitions.

    An FSMField would have each historical model search for transitions whenever another model class is built,
    and migrating a fresh database builds thousands.
    """

    def deconstruct(self) -> "tuple[str, str, Sequence[Any], dict[str, Any]]":
        name, _path, args, kwargs = super().deconstruct()
        kwargs.pop("protected", None)
        return name, "django.db.models.CharField", args, kwargs


def state_constraint(choices: type[models.TextChoices], name: str) -> models.CheckConstraint:
    """CHECK constraint: the state is one of the choices."""
    return models.CheckConstraint(condition=models.Q(state__in=choices.values), name=name)


class Stateful(SafeFSM, models.Model):
    """A row with a state machine. Saving a stale copy raises django_fsm.ConcurrentTransition.

    The state alone would allow A-B-A (failed, issuing, failed again), so a version is compared too.

    A save writes only columns that have changed since the row was read, so that certificates and wrapped keys
    do not go over the wire, and into the write-ahead log, at each save. Mutable values (lists, dicts) are
    written each time, unless the model names the column in `replaced_whole`. An instance that was refreshed,
    or created and never read, writes everything.
    """

    version = models.PositiveIntegerField(default=0, editable=False)

    # JSON columns whose value is never mutated, only replaced by another object: compared by identity.
    replaced_whole: ClassVar[frozenset[str]] = frozenset()

    # Names and values of the columns as they were last read or written. The tuple is replaced, never mutated:
    # copies of a row share it.
    _in_database: tuple[Collection[str], Collection[Any]] = ((), ())

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        self._version_read = self.version
        if not self._state.adding:
            self.version += 1
            if kwargs.get("update_fields") is not None:
                kwargs["update_fields"] = {*kwargs["update_fields"], "version"}
        try:
            super().save(*args, **kwargs)
        except ConcurrentTransition:
            self.version = self._version_read
            raise

    @classmethod
    def from_db(
        cls, db: str | None, field_names: Collection[str], values: Collection[Any], **more: Any
    ) -> Self:
        row = super().from_db(db, field_names, values, **more)
        row._in_database = (field_names, values)
        return row

    def refresh_from_db(
        self,
        using: str | None = None,
        fields: Iterable[str] | None = None,
        from_queryset: Any = None,
    ) -> None:
        """Reload the row. The known column values are discarded, so the next save writes everything."""
        self._in_database = ((), ())
        super().refresh_from_db(using, fields, from_queryset)

    def _do_update(self, base_qs: Any, using: Any, pk_val: Any, values: Any, *more: Any) -> Any:
        """UPDATE with a version check. Raises ConcurrentTransition if another transaction saved the row.

        Django takes an UPDATE without a match for a missing row, and would try to INSERT it.
        """
        if using != self._state.db or self._known().get(self._meta.pk.attname) != pk_val:
            self._in_database = ((), ())
        known = self._known()
        changes = [each for each in values if not self._is_same(known, each[0].attname, each[2])]
        rows = base_qs.filter(version=self._version_read)
        updated = super()._do_update(rows, using, pk_val, changes, *more)
        if not updated and base_qs.filter(pk=self.pk).exists():
            raise ConcurrentTransition(SAVED_BY_ANOTHER)
        if updated:
            self._note_saved({field.attname: value for field, _model, value in changes})
        return updated

    def _known(self) -> dict[str, Any]:
        return dict(zip(*self._in_database, strict=True))

    def _is_same(self, known: dict[str, Any], name: str, value: object) -> bool:
        """Whether the database has this value for certain. In doubt False: to write again is harmless."""
        there = known.get(name, _UNKNOWN)
        if name in self.replaced_whole:
            return there is value
        # A value of another type (an expression, a string for a number) may be stored differently.
        same_type = type(there) is type(value) and not hasattr(value, "resolve_expression")
        return same_type and not isinstance(value, _CHANGED_IN_PLACE) and there == value

    def changed_fields(self) -> set[str]:
        """Names of the columns whose value may differ from the database's."""
        known = self._known()
        names = (field.attname for field in self._meta.concrete_fields)
        read = {name: self.__dict__[name] for name in names if name in self.__dict__}
        return {name for name, value in read.items() if not self._is_same(known, name, value)}

    def _note_saved(self, saved: dict[str, Any]) -> None:
        known = {self._meta.pk.attname: self.pk, **self._known(), **saved}
        self._in_database = (tuple(known), tuple(known.values()))


def create_many(rows: Sequence[Stateful]) -> None:
    """bulk_create rows of one model, and record their column values, as if they had been read."""
    if rows:
        type(rows[0])._base_manager.bulk_create(rows)
    for row in rows:
        row._note_saved({field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields})
        row._update_initial_state()


def save_many(rows: Sequence[Stateful], *, fields: Collection[str] | None = None) -> None:
    """Save rows of one model with one versioned UPDATE, which the driver repeats (executemany).

    In the caller's transaction. fields: the columns to write; default: those that have changed in any of the
    rows. Raises ConcurrentTransition if another transaction has saved one of them; the caller rolls back.
    """
    if len(rows) <= 1:
        for row in rows:
            row.save(update_fields=fields)
        return
    meta, connection = rows[0]._meta, connections[DEFAULT_DB_ALIAS]
    fields_by_name: dict[str, models.Field[Any, Any]] = {field.name: field for field in meta.concrete_fields}
    version, key, quote = fields_by_name["version"], meta.pk, connection.ops.quote_name
    names = {*fields} if fields is not None else set().union(*(row.changed_fields() for row in rows))
    changed = [field for field in meta.concrete_fields if not names.isdisjoint({field.name, field.attname})]
    columns = [field for field in changed if field not in (key, version)]
    assigned = ", ".join(f"{quote(str(field.column))} = %s" for field in (*columns, version))
    compared = " AND ".join(f"{quote(str(field.column))} = %s" for field in (key, version))
    values = [
        [
            *(field.get_db_prep_save(getattr(row, field.attname), connection) for field in columns),
            row.version + 1,
            key.get_db_prep_value(row.pk, connection),
            row.version,
        ]
        for row in rows
    ]
    statement = f"UPDATE {quote(meta.db_table)} SET {assigned} WHERE {compared}"  # noqa: S608 names of the models alone
    with transaction.mark_for_rollback_on_error(DEFAULT_DB_ALIAS), connection.cursor() as cursor:
        cursor.executemany(statement, values)
        if cursor.rowcount != len(rows):
            raise ConcurrentTransition(SAVED_BY_ANOTHER)
    for row in rows:
        row.version += 1
        row._note_saved({field.attname: getattr(row, field.attname) for field in columns})
        row._update_initial_state()
