"""Plans that the database keeps for what is asked again and again: to plan a statement of ours anew costs it
more than to carry it out.

Whether a database keeps any, and how, is its backend's business; others ask as ever.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from enum import Enum
from typing import Any


def kept(connection: Any) -> AbstractContextManager[None]:
    """What is asked meanwhile has the same SQL each time, whatever the values are."""
    keeping: AbstractContextManager[None] = getattr(connection, "keeping_plans", nullcontext)()
    return keeping


def with_constants(connection: Any, made: tuple[str, Sequence[Any]]) -> tuple[str, list[Any]]:
    """What was made, with words of ours in its SQL, such as states, and all other values beside it.

    A plan is kept for any values. Of what is written in the SQL the database knows how many rows have it, and
    which partial index holds them; of the others it guesses. Whoever asks stays beside the SQL: one
    statement serves all officers.
    """
    sql, parameters = made
    write = getattr(connection, "with_constants", None)
    if write is None:
        return sql, list(parameters)
    written: str = write(sql, parameters, _is_word)
    return written, [each for each in parameters if not _is_word(each)]


def _is_word(value: object) -> bool:
    return isinstance(value, Enum | int) or value == ""
