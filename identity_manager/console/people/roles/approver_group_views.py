"""Approver groups: the list, one group, its members."""

import uuid
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.functional import lazystr
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext
from django.views.decorators.http import require_http_methods

from identity_manager.console.access import offices, persons
from identity_manager.console.forms import confirmation, refusals
from identity_manager.console.forms.confirmation import Confirmation
from identity_manager.console.forms.fields import PressForm
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.console.people.roles.deputy_views import PersonField
from identity_manager.models import ApproverGroup, Person, TokenType, VersionState
from identity_manager.people.officers import approver_groups


class GroupForm(VerbForm):
    """The name of a new group."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=100,
        error_messages={"required": lazystr(approver_groups.NO_NAME)},
    )


class MemberForm(VerbForm):
    """A person to be added."""

    person = PersonField()


@require_http_methods(["GET", "HEAD", "POST"])
def listing(request: HttpRequest) -> HttpResponse:
    """All groups; the POST makes one."""
    actor = offices.group_reader(request)
    form = GroupForm(refusals.post_data(request))
    if form.is_valid():
        with refusals.show_refusal(form):
            group = approver_groups.make(actor=actor, **form.cleaned_data)
            return redirect("console:approver-group", group.pk)
    groups = ApproverGroup.objects.prefetch_related("members")
    context = {"tab": "admin", "groups": groups, "form": form, "keeps": _keeps(actor)}
    template = "identity_manager/people/approver_groups/listing.html"
    return render(request, template, context, status=refusals.status_of(form))


@require_http_methods(["GET", "HEAD", "POST"])
def show(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The members of a group; the POST adds one."""
    actor = offices.group_reader(request)
    group = get_object_or_404(ApproverGroup, pk=pk)
    form = MemberForm(refusals.post_data(request))
    if form.is_valid():
        with refusals.show_refusal(form):
            added = approver_groups.add(
                actor=actor, group_id=pk, person_id=form.cleaned_data["person"].pk
            ).person
            messages.success(
                request, _("%(person)s is a member of %(group)s.") % {"person": added, "group": group}
            )
            return redirect("console:approver-group", pk)
    template = "identity_manager/people/approver_groups/group.html"
    return render(request, template, _context(actor, group, form), status=refusals.status_of(form))


def _context(actor: Person, group: ApproverGroup, form: MemberForm) -> dict[str, Any]:
    types = TokenType.objects.filter(approver_group=group).exclude(state=VersionState.RETIRED)
    members = list(group.members.select_related("person", "added_by"))
    return {
        "tab": "admin",
        "group": group,
        "members": members,
        "readable": {each.person_id for each in members if persons.may_see(actor, each.person)},
        "types": types,
        "is_named": approver_groups.is_named(group),
        "form": form,
        "keeps": _keeps(actor),
    }


@require_http_methods(["GET", "HEAD", "POST"])
def remove(request: HttpRequest, pk: uuid.UUID, person_id: uuid.UUID) -> HttpResponse:
    """Remove a member, after a question."""
    actor = offices.group_keeper(request)
    group = get_object_or_404(ApproverGroup, pk=pk)
    member = get_object_or_404(group.members.select_related("person"), person=person_id)
    form = PressForm(refusals.post_data(request))
    if form.is_valid():
        with refusals.show_refusal(form):
            approver_groups.remove(actor=actor, group_id=pk, person_id=person_id)
            return redirect("console:approver-group", pk)
    words = {"person": member.person, "group": group}
    asked = Confirmation(
        title=_("Remove %(person)s from %(group)s?") % words,
        lead=_("What they have approved as a member counts no more where the request still waits."),
        button=pgettext("a member", "Remove"),
        back=reverse("console:approver-group", args=[pk]),
        tab="admin",
    )
    return confirmation.page(request, form, asked)


@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Delete a group that nothing names, after a question."""
    actor = offices.group_keeper(request)
    group = get_object_or_404(ApproverGroup, pk=pk)
    form = PressForm(refusals.post_data(request))
    if form.is_valid():
        with refusals.show_refusal(form):
            approver_groups.discard(actor=actor, group_id=pk)
            return redirect("console:approver-groups")
    asked = Confirmation(
        title=_("Delete the approver group %(group)s?") % {"group": group},
        lead=_("Its members keep their role Approver."),
        button=_("Delete"),
        back=reverse("console:approver-group", args=[pk]),
        tab="admin",
        obstacle=approver_groups.IS_NAMED if approver_groups.is_named(group) else None,
    )
    return confirmation.page(request, form, asked)


def _keeps(actor: Person) -> bool:
    return approver_groups.obstacle(actor=actor) is None
