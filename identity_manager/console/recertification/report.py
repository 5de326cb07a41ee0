"""The report of a recertification: rows of the CSV file, and the document to print."""

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from identity_manager.console.access import role_reviews
from identity_manager.console.people.roles.officer_columns import unit_words
from identity_manager.console.print.document import Document, SheetSection, SheetTable, moment
from identity_manager.models import Person, Recertification, ReviewDecision, RoleReview
from identity_manager.ui.parts import Pair


def reviews(actor: Person, campaign: Recertification) -> list[RoleReview]:
    """The roles within the reader's reach, by role and person."""
    rows = role_reviews.visible_reviews(actor).filter(campaign=campaign)
    return list(rows.order_by("role", "person__search_text__by_name", "organisational_unit", "pk"))


def document(actor: Person, campaign: Recertification) -> Document:
    """The report to print."""
    found = reviews(actor, campaign)
    return Document(
        title=_("Recertification of roles"),
        subject=moment(campaign.opened_at),
        lead=_("Who had which role, who confirmed or withdrew it, and what nobody answered."),
        made_by=actor,
        back=reverse("console:recertification", args=[campaign.pk]),
        sections=[_summary(campaign, found), _table(found)],
    )


def _summary(campaign: Recertification, found: list[RoleReview]) -> SheetSection:
    numbers = {each: sum(row.decision == each for row in found) for each in ReviewDecision}
    return SheetSection(
        _("Summary"),
        pairs=[
            Pair(_("Opened"), moment(campaign.opened_at), note=str(campaign.opened_by or "")),
            Pair(_("To be answered by"), moment(campaign.due_at)),
            Pair(_("Ended"), moment(campaign.ended_at)),
            Pair(_("Roles"), str(len(found))),
            *(Pair(each.label, str(number)) for each, number in numbers.items() if number),
        ],
    )


def _table(found: list[RoleReview]) -> SheetSection:
    table = SheetTable.of(
        found,
        (_("Name"), lambda review: f"{review.person}, {review.person.personnel_number}"),
        (_("Role"), lambda review: review.get_role_display()),
        (_("Organisational unit"), lambda review: unit_words(review.organisational_unit)),
        (_("Assigned"), lambda review: _by(review.assigned_at, review.assigned_by)),
        (_("Outcome"), lambda review: ReviewDecision(review.decision).label),
        (_("Answered"), lambda review: _by(review.decided_at, review.decided_by)),
    )
    return SheetSection(_("Roles"), table=table, empty=_("No role was to be confirmed."))


def _by(at: Any, by: Person | None) -> str:
    return f"{moment(at)} {by or ''}".strip()
