"""The safe base under every state machine: protected transitions and an integer version."""

from collections.abc import Collection, Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Self

from django.db import DEFAULT_DB_ALIAS, models
from django_fsm import ConcurrentTransition, FSMField, FSMFieldMixin

from ca_bridge.database.prepared_queries import OneRow, insert

if TYPE_CHECKING:
    from django.db.models.options import Options

    class ConcurrentTransitionMixin:
        """What is used of django-fsm's class: its own is Any to type checkers, and so were every model."""

        _meta: Options[Any]

        def _update_initial_state(self) -> None: ...

        def _do_insert(self, *args: Any) -> Any: ...

        def _do_update(self, base_qs: Any, *args: Any, **kwargs: Any) -> Any: ...
else:
    from django_fsm import ConcurrentTransitionMixin


_UNKNOWN = object()
_CHANGED_IN_PLACE = (dict, list, set, bytearray, memoryview)


class SafeFSM(ConcurrentTransitionMixin):
    """Optimistic locking on the state, with a refresh that threads cannot trip over.

    The original refresh_from_db unprotects the state field on the *class* for a moment, so that other
    threads could assign a state directly, or fail when they may not. Put this class first in the bases.
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
        """As in the original, which looks for them among all fields whenever a row is read."""
        return _state_fields(self._meta)

    def _protected_fields(self) -> "list[models.Field[Any, Any]]":
        return [field for field in self.state_fields if field.protected]


@cache
def _state_fields(meta: "Options[Any]") -> "tuple[models.Field[Any, Any], ...]":
    return tuple(field for field in meta.fields if isinstance(field, FSMFieldMixin))


class StateField(FSMField):
    """A state that transitions alone change; to migrations a text, for the models of the past have none.

    The original's has each of those models look for transitions whenever another one is made, of the
    thousands that a fresh database takes.
    """

    def deconstruct(self) -> "tuple[str, str, Sequence[Any], dict[str, Any]]":
        name, _path, args, kwargs = super().deconstruct()
        kwargs.pop("protected", None)
        return name, "django.db.models.CharField", args, kwargs


def state_constraint(choices: type[models.TextChoices], name: str) -> models.CheckConstraint:
    """The database refuses a state outside the set."""
    return models.CheckConstraint(condition=models.Q(state__in=choices.values), name=name)


class Stateful(SafeFSM, models.Model):
    """A row with a state machine. Saving a stale copy raises django_fsm.ConcurrentTransition.

    The state alone would allow A-B-A (failed, issuing, failed again), so a version is compared too.

    A save writes what has changed since the row was read: certificates and wrapped keys go over the wire,
    and into the log of the database, no more often than they change. What might have been changed in place
    (lists, dicts) is written each time. A copy that was refreshed, or made and never read, writes everything.
    """

    version = models.PositiveIntegerField(default=0, editable=False)

    # What the database has, as far as this copy knows: names and values. Never changed, but replaced: copies
    # of a row have it in common.
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
        """Reload the row. What the database had before is forgotten, so the next save writes everything."""
        self._in_database = ((), ())
        super().refresh_from_db(using, fields, from_queryset)

    def _do_insert(self, manager: Any, using: Any, fields: Any, returning_fields: Any, raw: Any) -> Any:
        if returning_fields or raw or using != DEFAULT_DB_ALIAS:
            return super()._do_insert(manager, using, fields, returning_fields, raw)
        insert([self])
        return []

    def _do_update(self, base_qs: Any, using: Any, pk_val: Any, values: Any, *more: Any) -> Any:
        """Nothing updated and the row there: somebody else saved it. Django would try to insert it anew."""
        known = dict(zip(*self._in_database, strict=True))
        key = self._meta.pk.attname
        if using != self._state.db or known.get(key) != pk_val:
            known = {key: pk_val}
        changes = [each for each in values if not _is_same(known.get(each[0].attname, _UNKNOWN), each[2])]
        row = OneRow(base_qs, version=self._version_read)
        updated = super()._do_update(row, using, pk_val, changes, *more)
        if not updated and base_qs.filter(pk=self.pk).exists():
            raise ConcurrentTransition("This row was saved by somebody else since it was read.")
        if updated:
            known.update({field.attname: value for field, _model, value in changes})
            self._in_database = (tuple(known), tuple(known.values()))
        return updated


def _is_same(there: object, value: object) -> bool:
    """Whether the database has this value already. In doubt it has not: writing again does no harm."""
    # Of another type (an expression, a text for a number) it may be stored as something else.
    same_type = type(there) is type(value) and not hasattr(value, "resolve_expression")
    return same_type and not isinstance(value, _CHANGED_IN_PLACE) and there == value
