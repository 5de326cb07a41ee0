"""Sentences on how many certificates of a contract with a CA are left, and how many this takes."""

from collections.abc import Iterator, Mapping

from django.utils.translation import gettext as _

from ca_bridge.orders import allowances
from identity_manager.console.lists.counting import grouped


def sentences(taken: Mapping[str, int]) -> Iterator[str]:
    """One for each CA with an allowance. taken: how many certificates of it this takes, by alias."""
    for ca, number in sorted(taken.items()):
        if found := allowances.left(ca):
            words = {
                "ca": ca,
                "left": grouped(found.left),
                "total": grouped(found.total),
                "taken": grouped(number),
            }
            yield _("“%(ca)s”: %(left)s of %(total)s certificates left; this takes %(taken)s.") % words
