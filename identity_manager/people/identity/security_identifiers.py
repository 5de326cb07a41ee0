"""Windows security identifiers (SID) in canonical form.

[MS-DTYP] 2.4.2: a domain account is S-1-5-21, three numbers of the domain, and the relative identifier.
"""

import regex
from django.utils.translation import gettext as _

from ca_bridge.errors import CaError

LARGEST = 2**32 - 1  # each number is an unsigned integer of 32 bits
_NUMBER = r"(0|[1-9][0-9]{0,9})"
_ACCOUNT = regex.compile(rf"[Ss]-1-5-21-{_NUMBER}-{_NUMBER}-{_NUMBER}-{_NUMBER}")


def canonical(text: str) -> str:
    """The canonical form. Raises ca_bridge.errors.CaError with a sentence."""
    numbers = parse(text)
    if numbers is None:
        raise CaError(
            _(
                "Is no security identifier of an account: S-1-5-21, then four numbers from 0 to %(largest)s "
                "without leading zeros, as in S-1-5-21-1004336348-1177238915-682003330-1042."
            )
            % {"largest": LARGEST},
            permanent=True,
        )
    return "-".join(map(str, ("S-1-5-21", *numbers)))


def parse(text: str) -> tuple[int, ...] | None:
    """The domain's three numbers and the relative identifier; None for another format."""
    found = _ACCOUNT.fullmatch(text)
    numbers = tuple(map(int, found.groups())) if found else ()
    return numbers if numbers and max(numbers) <= LARGEST else None
