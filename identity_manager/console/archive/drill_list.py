"""The past drills of a recovery certificate: all, or those with one result since a day, as a report asks."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.paginator import Paginator
from django.db import models
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from identity_manager.console.search.forms import DayField, FilterField
from identity_manager.console.search.kind import beginning
from identity_manager.models import RecoveryCertificate, RecoveryDrill
from identity_manager.ui import dates

DRILLS_SHOWN = 50


class DrillResult(models.TextChoices):
    """How a drill ended."""

    PROVED = "proved", _("Proved")
    FAILED = "failed", _("Failed")


MOMENTS = {DrillResult.PROVED: "proved_at", DrillResult.FAILED: "failed_at"}


class DrillFilter(forms.Form):
    """Filters of drills, from the query string; the form is not drawn."""

    result = FilterField(_("Result"), anything="", choices=DrillResult.choices)
    since = DayField(_("On or after"))


def context(certificate: RecoveryCertificate, asked: Mapping[str, str]) -> dict[str, Any]:
    """The newest first; all of them where the address makes no sense."""
    form = DrillFilter(asked)
    wanted = form.cleaned_data if form.is_valid() else {}
    rows = certificate.drills.exclude(pk__in=RecoveryDrill.objects.under_way())
    rows = rows.select_related("asked_by", "decided_by")
    result, since = wanted.get("result"), wanted.get("since")
    return {
        "page": Paginator(_found(rows, wanted), DRILLS_SHOWN).get_page(asked.get("page")),
        "drill_result": DrillResult(result).label if result else "",
        "drills_since": dates.long_date(since) if result and since else "",
    }


def _found(rows: QuerySet[RecoveryDrill], wanted: Mapping[str, Any]) -> QuerySet[RecoveryDrill]:
    if not wanted.get("result"):
        return rows
    moment = MOMENTS[DrillResult(wanted["result"])]
    rows = rows.exclude(**{moment: None}).order_by(f"-{moment}")
    return rows.filter(**{f"{moment}__gte": beginning(wanted["since"])}) if wanted["since"] else rows
