"""The reports: each module of reports/kinds declares one."""

import pkgutil
from importlib import import_module

from identity_manager.console.reports import kinds
from identity_manager.console.reports.report import Report
from identity_manager.models import Person
from identity_manager.models.person_search.name_order import key_for_reader


def _declared() -> dict[str, Report]:
    modules = (
        import_module(f"{kinds.__name__}.{each.name}") for each in pkgutil.iter_modules(kinds.__path__)
    )
    reports: list[Report] = [module.REPORT for module in modules]
    return {each.name: each for each in reports}


REPORTS = _declared()
READERS = frozenset().union(*(each.readers for each in REPORTS.values()))


def read_by(actor: Person) -> list[Report]:
    """Reports that this officer reads, by title."""
    mine = (each for each in REPORTS.values() if each.is_read_by(actor))
    return sorted(mine, key=lambda each: key_for_reader(each.title))
