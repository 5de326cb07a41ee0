"""**Acceptance of terms**: of a version, who has accepted it, who is asked and has not, and who is late."""

from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any

from django import forms
from django.db import models
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from identity_manager.console.access import acceptances
from identity_manager.console.access import persons as access_persons
from identity_manager.console.lists import pagination
from identity_manager.console.lists.columns import Column, Columns
from identity_manager.models import Person, TermsAcceptance, TermsNotice, TermsVersion
from identity_manager.ui import cells
from identity_manager.ui.templatetags import moments


class Acceptance(models.TextChoices):
    """Whether a person has accepted a version of terms."""

    ACCEPTED = "accepted", _("has accepted")
    WAITING = "waiting", _("is asked, has time")
    LATE = "late", _("is late")


class ReportForm(forms.Form):
    """Filters of the report: the version of terms, and the state of persons."""

    version = forms.ModelChoiceField(
        TermsVersion.objects.none(), label=_("Version"), required=False, empty_label=None
    )
    state = forms.ChoiceField(
        label=_("Who"), required=False, choices=[("", _("everybody")), *Acceptance.choices]
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        versions = TermsVersion.objects.select_related("document").order_by("document__code", "-number")
        self.fields["version"].queryset = versions  # type: ignore[attr-defined]  # a ModelChoiceField
        self.first = TermsVersion.objects.asking().order_by("accept_again_by").first() or versions.first()

    @property
    def chosen(self) -> TermsVersion | None:
        """The version that the form says; without one, the first that asks."""
        version = self.cleaned_data.get("version") if self.is_valid() else None
        return version or self.first


def found(actor: Person, form: ReportForm, now: datetime) -> QuerySet[Person]:
    """The persons within the officer's units, each with accepted_at or due_at."""
    version = form.chosen
    reach = Person.objects.filter(acceptances.within_reach(actor))
    if version is None or not form.is_valid():
        return reach.none()
    accepted = TermsAcceptance.objects.filter(text__version=version)
    waiting = TermsNotice.objects.unanswered().filter(version=version)
    rows = reach.annotate(
        accepted_at=Subquery(
            accepted.filter(person=OuterRef("pk")).order_by("accepted_at").values("accepted_at")[:1]
        ),
        due_at=Subquery(waiting.filter(person=OuterRef("pk")).values("due_at")[:1]),
    )
    by_state = {
        Acceptance.ACCEPTED: Q(pk__in=accepted.values("person")),
        Acceptance.WAITING: Q(pk__in=waiting.filter(due_at__gt=now).values("person")),
        Acceptance.LATE: Q(pk__in=waiting.filter(due_at__lte=now).values("person")),
    }
    state = form.cleaned_data["state"]
    chosen = by_state[Acceptance(state)] if state else reduce(or_, by_state.values())
    return rows.filter(chosen).order_by("search_text__by_name", "pk")


def acceptance_of(row: Any) -> Acceptance:
    """By the moments that `found` has added to the row."""
    if row.accepted_at is not None:
        return Acceptance.ACCEPTED
    return Acceptance.LATE if row.due_at <= timezone.now() else Acceptance.WAITING


def _state(row: Any) -> object:
    words = acceptance_of(row).label
    if row.accepted_at is not None:
        return cells.with_line(words, moments.when(row.accepted_at))
    return cells.with_line(words, gettext("until"), moments.when(row.due_at))


def _name(row: Any) -> object:
    return cells.with_line(cells.linked(row.display_name, row.url), cells.isolate(row.personnel_number))


COLUMNS = Columns(
    (
        Column("name", _("Name"), _name, export="display_name", width="column-wide"),
        Column("personnel_number", _("Personnel number"), export="personnel_number"),
        Column("email", _("E-mail"), export="email"),
        Column(
            "unit",
            _("Organisational unit"),
            lambda row: cells.isolate(row.organisational_unit),
            export="organisational_unit",
        ),
        Column("state", _("State"), _state, export=lambda row: acceptance_of(row).label),
        Column("accepted_at", _("accepted"), export="accepted_at"),
        Column("due_at", _("until"), export="due_at"),
    ),
    shown=("name", "unit", "state"),
)


def context(request: HttpRequest, actor: Person) -> dict[str, Any]:
    """The page; filters that are no filters find nothing and say why."""
    form = ReportForm(request.GET)
    rows = found(actor, form, timezone.now())
    page = pagination.page_of(request, pagination.CappedPaginator(rows))
    shown = list(page.object_list)
    for row in shown:
        seen = access_persons.may_see(actor, row)
        row.url = reverse("console:person", args=[row.pk]) if seen else ""
    return {
        "tab": "start",
        "form": form,
        "version": form.chosen,
        "query": request.GET.urlencode(),
        "page": page,
        "table": COLUMNS.draw(actor, shown),
    }
