"""Plans that the database keeps for what is asked again and again: to plan a statement of ours anew costs it
more than to carry it out.

Whether a database keeps any, and how, is its backend's business; others ask as ever.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any


def kept(connection: Any) -> AbstractContextManager[None]:
    """What is asked meanwhile has the same SQL each time, whatever the values are."""
    keeping: AbstractContextManager[None] = getattr(connection, "keeping_plans", nullcontext)()
    return keeping


def with_constants(
    connection: Any, made: tuple[str, Sequence[Any]], is_open: Callable[[Any], bool]
) -> tuple[str, list[Any]]:
    """What was made, with the values that never change in its SQL, and those that are open beside it.

    A plan is kept for any values. Of what is written in the SQL the database knows how many rows have it,
    and which partial index holds them; of the others it guesses.
    """
    sql, parameters = made
    write = getattr(connection, "with_constants", None)
    if write is None:
        return sql, list(parameters)
    written: str = write(sql, parameters, is_open)
    return written, [each for each in parameters if is_open(each)]
