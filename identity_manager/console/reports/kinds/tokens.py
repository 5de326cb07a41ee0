"""Report of software tokens in use, by organisational unit and token type."""

from collections.abc import Iterator

from django.db.models import Count
from django.utils.translation import gettext_lazy as _

from identity_manager.console.access import offices
from identity_manager.console.reports.report import Asked, Report, ReportColumn, ReportLine, ValueKind
from identity_manager.console.search.forms import NO_UNIT, token_types
from identity_manager.models import SoftwareToken
from identity_manager.models.requests.token_states import IN_USE
from identity_manager.ui.context import SEARCHERS

WITHOUT_UNIT = _("without a unit")


def _lines(asked: Asked) -> Iterator[ReportLine]:
    """Persons are counted, so that each number is the length of the list that it leads to."""
    unit = "person__organisational_unit"
    rows = SoftwareToken.objects.filter(
        offices.within_units(asked.actor, SEARCHERS, unit),
        state__in=IN_USE,
        person__kind=asked.person_kind,
        **asked.within(unit=unit, type_code="type_code"),
    )
    counted = rows.order_by().values_list(unit, "type_code")
    counted = counted.annotate(persons=Count("person", distinct=True), tokens=Count("pk"))
    names = {code: str(name) for code, name in token_types()}
    for where, code, persons, tokens in counted.order_by(unit, "type_code"):
        values = {
            "unit": where or str(WITHOUT_UNIT),
            "type": names.get(code, code),
            "persons": persons,
            "tokens": tokens,
        }
        url = asked.search(asked.person_kind, unit=where or NO_UNIT, token_type=code)
        yield ReportLine(values, {"persons": url})


REPORT = Report(
    name="tokens",
    title=_("Software tokens by unit"),
    question=_("Who has which type, in which unit?"),
    icon="key",
    readers=SEARCHERS,
    columns=(
        ReportColumn("unit", _("Organisational unit"), ValueKind.TEXT),
        ReportColumn("type", _("Token type"), ValueKind.TEXT),
        ReportColumn("persons", _("Persons")),
        ReportColumn("tokens", _("Software tokens")),
    ),
    stack=("type", "persons"),
    read=_lines,
    nothing=_("Nobody has a software token here."),
    filters=frozenset({"unit", "token_type", "person_kind"}),
)
