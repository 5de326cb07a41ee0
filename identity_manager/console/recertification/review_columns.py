"""Columns of the roles of a recertification, on its page and in its CSV file."""

from dataclasses import dataclass, replace

from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext

from identity_manager.console.lists.columns import Column, Columns
from identity_manager.console.people.roles.officer_columns import given_cell, unit_cell, unit_words
from identity_manager.console.people.roles.role_words import MAY
from identity_manager.models import ReviewDecision, RoleReview
from identity_manager.ui import cells
from identity_manager.ui.parts import Meaning
from identity_manager.ui.templatetags import badges, moments, persons

MEANINGS = {
    ReviewDecision.NONE: Meaning.WAITING,
    ReviewDecision.CONFIRMED: Meaning.DONE,
    ReviewDecision.WITHDRAWN: Meaning.STOPPED,
    ReviewDecision.ENDED: Meaning.STOPPED,
    ReviewDecision.UNANSWERED: Meaning.WAITING,
    ReviewDecision.KEPT: Meaning.WAITING,
    ReviewDecision.GONE: Meaning.QUIET,
}


@dataclass(frozen=True)
class ReviewRow:
    """A role of the recertification for one reader. decides: whether they answer it."""

    review: RoleReview
    decides: bool


def _who(row: ReviewRow) -> object:
    person = row.review.person
    return persons.who(
        person.display_name, person.personnel_number, reverse("console:person-roles", args=[person.pk])
    )


def _outcome(row: ReviewRow) -> object:
    review = row.review
    decision = ReviewDecision(review.decision)
    badge = badges.badge(MEANINGS[decision], str(decision.label))
    if review.decided_at is None:
        return badge
    by = (cells.isolate(review.decided_by),) if review.decided_by else ()
    return cells.with_line(badge, moments.when(review.decided_at), *by)


def _withdraw(row: ReviewRow) -> object:
    if not row.decides:
        return ""
    url = reverse("console:role-review-withdraw", args=[row.review.pk])
    words = pgettext("a role", "Withdraw")
    return cells.button(words, url, name=row.review.person.display_name, css="button-quiet")


COLUMNS = Columns(
    (
        Column("number", _("Personnel number"), export="person.personnel_number"),
        Column("name", _("Name"), _who, export="person.display_name"),
        Column(
            "role",
            _("Role"),
            lambda row: row.review.get_role_display(),
            export=lambda review: review.get_role_display(),
        ),
        Column(
            "unit",
            _("Organisational unit"),
            lambda row: unit_cell(row.review.organisational_unit),
            export=lambda review: unit_words(review.organisational_unit),
        ),
        Column("may", _("What the role may do"), export=lambda review: MAY.in_words(review.role)),
        Column(
            "assigned",
            _("Assigned"),
            lambda row: given_cell(row.review.assigned_at, row.review.assigned_by),
            export="assigned_at",
        ),
        Column("assigned-by", _("Assigned by"), export=lambda review: review.assigned_by or ""),
        Column(
            "outcome",
            _("Outcome"),
            _outcome,
            export=lambda review: ReviewDecision(review.decision).label,
        ),
        Column("answered-by", _("Answered by"), export=lambda review: review.decided_by or ""),
        Column("answered", _("Answered"), export="decided_at"),
        Column("actions", _("Actions"), _withdraw, is_action=True),
    ),
    shown=("name", "role", "unit", "assigned", "outcome", "actions"),
    is_steady=False,
)
TO_READ = replace(COLUMNS, shown=COLUMNS.shown[:-1])
