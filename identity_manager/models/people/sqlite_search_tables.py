"""Unmanaged models of the FTS5 tables of person search on SQLite; person_search creates and fills them."""

from typing import Any

from django.db import models

from identity_manager.models.people.person import Person


class Matches(models.Lookup):
    """MATCH of an FTS5 table: the right side is a query in its language (https://sqlite.org/fts5.html, 3)."""

    lookup_name = "matches"

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        left, of_left = self.process_lhs(compiler, connection)
        right, of_right = self.process_rhs(compiler, connection)
        return f"{left} MATCH {right}", (*of_left, *of_right)


class IndexedText(models.TextField):  # type: ignore[type-arg]  # takes none when it runs
    """A column of an FTS5 table."""


IndexedText.register_lookup(Matches)


class PersonSearchRow(models.Model):
    """The indexed text of a person, under a stable integer row id."""

    id = models.IntegerField(primary_key=True)
    person = models.OneToOneField(Person, on_delete=models.DO_NOTHING, related_name="search_row")
    search_text = models.TextField()

    class Meta:
        managed = False
        db_table = "identity_manager_person_search"


class PersonPart(models.Model):
    """The FTS5 index over these texts."""

    row = models.OneToOneField(
        PersonSearchRow,
        primary_key=True,
        db_column="rowid",
        on_delete=models.DO_NOTHING,
        related_name="part",
    )
    search_text = IndexedText()

    class Meta:
        managed = False
        db_table = "identity_manager_person_parts"
