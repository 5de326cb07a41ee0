"""Page context of recertifications: the campaigns, one of them, and its confirmation pages."""

import uuid
from collections.abc import Iterable
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import lazystr
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from identity_manager.console.access import role_reviews
from identity_manager.console.forms import refusals
from identity_manager.console.forms.confirmation import Confirmation
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.console.lists.columns import DrawnTable
from identity_manager.console.recertification import review_columns
from identity_manager.console.recertification.review_columns import ReviewRow
from identity_manager.models import Person, Recertification, ReviewDecision, RoleReview
from identity_manager.people.officers import recertification
from identity_manager.transactions.refusals import Refused
from identity_manager.ui.bidi import isolated

NOTHING_TICKED = gettext_lazy("Tick at least one role.")
OPEN = "open"  # stands for the empty decision in an address
STATES = {each.value or OPEN for each in ReviewDecision}


class ConfirmForm(VerbForm):
    """Form with the roles to be confirmed; ids of others are refused."""

    def __init__(self, *args: Any, rows: QuerySet[RoleReview], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        gone = lazystr(recertification.DECIDED)
        self.fields["reviews"] = forms.ModelMultipleChoiceField(
            queryset=rows,
            error_messages={
                "required": NOTHING_TICKED,
                "invalid_choice": gone,
                "invalid_pk_value": gone,
            },
        )


def listing(actor: Person) -> dict[str, Any]:
    """The campaigns, with how many of the reader's roles are not answered."""
    campaigns = list(Recertification.objects.select_related("opened_by"))
    return {
        "tab": "admin",
        "campaigns": campaigns,
        "may_open": recertification.may_open(actor) and not any(each.is_open for each in campaigns),
        "period": settings.RECERTIFICATION_DAYS,
        "next": recertification.next_opening(),
    }


def decidable(actor: Person, campaign: Recertification) -> QuerySet[RoleReview]:
    """Role reviews of the campaign that this officer answers."""
    return RoleReview.objects.decidable_by(actor).filter(campaign=campaign).select_related("person")


def context(
    actor: Person, campaign: Recertification, *, form: ConfirmForm, state: str = ""
) -> dict[str, Any]:
    """The roles within the reader's reach, those first that wait for them."""
    every = role_reviews.visible_reviews(actor).filter(campaign=campaign)
    wanted = "" if state == OPEN else state
    rows = every.filter(decision=wanted) if state in STATES else every
    mine = set(decidable(actor, campaign).values_list("pk", flat=True))
    ordered = rows.order_by("role", "person__search_text__by_name", "organisational_unit", "pk")
    return {
        "tab": "admin",
        "campaign": campaign,
        "form": form,
        "table": _table(actor, ordered, mine),
        "decides": bool(mine),
        "total": every.count(),
        "numbers": _numbers(every),
        "state": state,
        "unanswered_end": settings.RECERTIFICATION_UNANSWERED == "end",
    }


def _table(actor: Person, reviews: Iterable[RoleReview], mine: set[uuid.UUID]) -> DrawnTable:
    """The roles, those first that the reader answers, with check boxes for these."""
    rows = sorted((ReviewRow(each, each.pk in mine) for each in reviews), key=lambda row: not row.decides)
    if not mine:
        return review_columns.TO_READ.draw(actor, rows)
    return review_columns.COLUMNS.draw_selectable(
        actor, rows, sort=None, checkbox="reviews", named=_named, selected=()
    )


def _named(row: ReviewRow) -> tuple[object, object]:
    return (row.review.pk if row.decides else "", row.review.person.display_name)


def _numbers(reviews: QuerySet[RoleReview]) -> list[tuple[str, str, int]]:
    """Value of the filter, its words, and how many; only those that there are."""
    found = recertification.count_decisions(reviews)
    return [(each.value or OPEN, str(each.label), found[each]) for each in ReviewDecision if found[each]]


def confirm(request: HttpRequest, actor: Person, chosen: Iterable[RoleReview]) -> None:
    """Confirm each in a transaction of its own; messages say how many, and why not the others."""
    done, left = 0, []
    for review in chosen:
        try:
            recertification.confirm(actor=actor, review_id=review.pk)
            done += 1
        except Refused as refused:
            left.append((review.person, refused))
    if done:
        words = ngettext("%(number)d role is confirmed.", "%(number)d roles are confirmed.", done)
        messages.success(request, words % {"number": done})
    refusals.show_several_refusals(request, left, more=refusals.more_not_confirmed)


def opening(actor: Person) -> Confirmation:
    """The question before a campaign is opened by hand."""
    return Confirmation(
        title=_("Open a recertification now?"),
        lead=_(
            "Each role of an officer is to be confirmed or withdrawn by a User Administrator within"
            " %(days)d days. The next one begins a period after this one."
        )
        % {"days": settings.RECERTIFICATION_ANSWER_DAYS},
        button=_("Open"),
        back=reverse("console:recertifications"),
        tab="admin",
        dangerous=False,
        obstacle=None if recertification.may_open(actor) else recertification.NOT_EVERYWHERE,
    )


def withdrawing(actor: Person, review: RoleReview) -> Confirmation:
    """The question before a role is withdrawn."""
    return Confirmation(
        title=_("Withdraw the role %(role)s from %(person)s?") % names(review),
        lead=_("It takes effect with the next click of that person. It can be assigned again at any time."),
        button=_("Withdraw the role"),
        back=reverse("console:recertification", args=[review.campaign_id]),
        tab="admin",
        obstacle=recertification.answer_obstacle(actor=actor, review=review),
    )


def names(review: RoleReview) -> dict[str, str]:
    """Person and role, for a sentence."""
    return {"person": isolated(review.person), "role": str(review.get_role_display())}
