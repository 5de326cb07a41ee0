"""Of many persons an eighth, in which PostgreSQL looks words up first.

Its index of words gives everybody who has them, before the first is read: a hundred thousand, where a
thousand are wanted. So an eighth of the persons, whoever's key ends so, has an index of its own. What many
have is found there (measured with a million persons: a letter in 3 ms instead of 20); only what is not goes
on among the others. SQLite reads its index one by one, and needs no such thing (decision 30).
"""

from typing import TYPE_CHECKING, Any, TypeVar

from django.db import connections, models

if TYPE_CHECKING:
    from identity_manager.models.person import PersonQuerySet

NAME = "identity_manager_person_search_first"
_Persons = TypeVar("_Persons", bound="PersonQuerySet")
# The last byte of a key is random.
_FIRST, _OTHERS = ("< 32", ">= 32")
INDEX = f"""{NAME} ON identity_manager_person
    USING gin (search_text gin_trgm_ops) WHERE GET_BYTE(UUID_SEND(id), 15) {_FIRST}"""


class _KeyEnds(models.Func):
    """Its numbers stand in the statement itself, as they do in the index."""

    template = "GET_BYTE(UUID_SEND(%(expressions)s), 15) %(which)s"
    output_field = models.BooleanField()


def first_and_others(persons: _Persons) -> list[_Persons]:
    """The persons in parts, to be looked through one after the other; on SQLite in one."""
    if connections[persons.db].vendor != "postgresql":
        return [persons]
    return [persons.filter(_KeyEnds("id", which=which)) for which in (_FIRST, _OTHERS)]


def install(connection: Any) -> None:
    """Make the index beside the writers, outside any transaction; one that broke off is dropped before."""
    if connection.vendor == "postgresql":
        remove(connection)
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE INDEX CONCURRENTLY {INDEX}")


def remove(connection: Any) -> None:
    """Take it away, beside the writers; the persons stay as they are."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {NAME}")
