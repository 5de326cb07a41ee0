"""Progress of the comparison of CAs with the database, as after a restore."""

from collections.abc import Iterator
from typing import Any

from identity_manager.management.doctor.check_result import CheckResult, ok, warning
from identity_manager.models import CaComparison, ComparisonStep


def with_authorities() -> Iterator[CheckResult]:
    """The last comparison of each that was made not long ago."""
    rows = list(CaComparison.objects.shown().with_numbers())
    for row in rows:
        yield _of(row)
    if not rows:
        yield ok("No restore of late that authorities would be compared after.")


def _of(row: Any) -> CheckResult:
    since = f"{row.alias}, since {row.since:%Y-%m-%d %H:%M %Z}"
    far = f"it has named {row.listed} certificates and was asked for {row.asked}"
    if row.step == ComparisonStep.IMPOSSIBLE:
        remedy = "Look there what it issued since then, and revoke what nobody here knows."
        return warning(f"{since}: cannot be compared. {row.trouble}", remedy)
    if row.is_unfinished:
        trouble = f" {row.trouble}" if row.trouble else ""
        return warning(
            f"{since}: not compared yet; {far}.{trouble}", "It goes on by itself while workers run."
        )
    if row.unknown or row.missing:
        says = f"{since}: {row.unknown} not known to the database, {row.missing} not known to the authority."
        return warning(says, "Software Token Administrators have them in OPEN TASKS.")
    return ok(f"{since}: both agree; {far}.")
