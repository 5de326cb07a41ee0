"""Plans that the database keeps for what is asked again and again: to plan a statement of ours anew costs it
more than to carry it out.

Whether a database keeps any, and how, is its backend's business; others ask as ever.
"""

from contextlib import AbstractContextManager, nullcontext
from typing import Any


def kept(connection: Any) -> AbstractContextManager[None]:
    """What is asked meanwhile has the same SQL each time, whatever the values are."""
    keeping: AbstractContextManager[None] = getattr(connection, "keeping_plans", nullcontext)()
    return keeping
