"""GROUPS: those of directories, to read; those made by hand, to change."""

import uuid
from functools import partial

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from identity_manager.console.access import standing_orders as access
from identity_manager.console.forms import refusals
from identity_manager.console.forms.act import Act, respond
from identity_manager.console.forms.confirmation import Confirmation
from identity_manager.console.forms.fields import PressForm
from identity_manager.console.groups.forms import GroupForm, MembersForm
from identity_manager.models import DirectoryGroup, StandingOrder
from identity_manager.people import groups
from identity_manager.ui.bidi import isolated

BY_NAME = ("person__search_text__by_name", "pk")
TEMPLATES = "identity_manager/groups"
PER_PAGE = 50


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """Every group that there is, with the number of its members."""
    actor = access.group_reader(request)
    rows = DirectoryGroup.objects.filter(gone_at=None).select_related("source")
    rows = rows.annotate(number=Count("memberships")).order_by(
        "name", "pk"
    )  # a count drops the model's order
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "tab": "batch_orders",
        "page": page,
        "keeps": access.keeps_groups(actor),
        "opens": access.sees_persons(actor) or access.keeps_groups(actor),
    }
    return render(request, f"{TEMPLATES}/list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def make(request: HttpRequest) -> HttpResponse:
    """Name an empty group."""
    actor = access.group_keeper(request)
    form = GroupForm(refusals.post_data(request))
    if form.is_valid():
        with refusals.show_refusal(form):
            group = groups.make(actor=actor, **refusals.content(form))
            return redirect("console:group", group.pk)
    context = {"tab": "batch_orders", "form": form}
    return render(request, f"{TEMPLATES}/new.html", context, status=refusals.status_of(form))


@require_http_methods(["GET", "HEAD", "POST"])
def show(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Members of the group; the POST puts persons into a group that was made by hand."""
    if request.method == "POST":
        access.group_keeper(request)
    actor, group = access.group_for_reader(request, pk)
    form = MembersForm(refusals.post_data(request))
    if form.is_valid():
        with refusals.show_refusal(form):
            number = groups.add(actor=actor, group_id=pk, **refusals.content(form))
            messages.success(request, _added(number))
            return redirect("console:group", pk)
    rows = group.memberships.select_related("person", "added_by").order_by(*BY_NAME)
    context = {
        "tab": "batch_orders",
        "group": group,
        "form": form,
        "page": Paginator(rows, PER_PAGE).get_page(request.GET.get("page")),
        "changes": access.keeps_groups(actor) and groups.changing_obstacle(group) is None,
        "followed_by": StandingOrder.objects.filter(group=group).exclude(state="ended"),
    }
    return render(request, f"{TEMPLATES}/group.html", context, status=refusals.status_of(form))


@require_http_methods(["GET", "HEAD", "POST"])
def remove(request: HttpRequest, pk: uuid.UUID, person_id: uuid.UUID) -> HttpResponse:
    """Take one person out; asked for on a page of its own."""
    actor = access.group_keeper(request)
    _actor, group = access.group_for_reader(request, pk)
    act = Act(
        verb=partial(groups.remove, actor=actor, group_id=pk, person_id=person_id),
        done=lambda _group: _("Removed from the group."),
        back=reverse("console:group", args=[pk]),
        ask=lambda: _removing(group, person_id),
    )
    return respond(request, PressForm(refusals.post_data(request)), act)


@require_http_methods(["GET", "HEAD", "POST"])
def end(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """End a group, which then has no members; confirmed on a page of its own."""
    actor = access.group_keeper(request)
    _actor, group = access.group_for_reader(request, pk)
    act = Act(
        verb=partial(groups.end, actor=actor, group_id=pk),
        done=lambda _group: _("The group has ended."),
        back=reverse("console:groups"),
        ask=lambda: _ending(group),
    )
    return respond(request, PressForm(refusals.post_data(request)), act)


def _added(number: int) -> str:
    return ngettext("%(number)d person was added.", "%(number)d persons were added.", number) % {
        "number": number
    }


def _removing(group: DirectoryGroup, person_id: uuid.UUID) -> Confirmation:
    member = group.memberships.select_related("person").filter(person=person_id).first()
    words = {"person": isolated(member.person) if member else "–", "group": isolated(group)}
    return Confirmation(
        title=_("Remove %(person)s from the group?") % words,
        lead=_("By standing orders that follow %(group)s they lose their software token.") % words,
        button=_("Remove from the group"),
        back=reverse("console:group", args=[group.pk]),
        tab="batch_orders",
        obstacle=groups.changing_obstacle(group) or (None if member else groups.NO_MEMBER),
    )


def _ending(group: DirectoryGroup) -> Confirmation:
    return Confirmation(
        title=_("End the group %(group)s?") % {"group": isolated(group)},
        lead=_("Nobody is in it any more. Standing orders that follow it stop; nobody loses anything."),
        button=_("End the group"),
        back=reverse("console:group", args=[group.pk]),
        tab="batch_orders",
        obstacle=groups.changing_obstacle(group),
    )
