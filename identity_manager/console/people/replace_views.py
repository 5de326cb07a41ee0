"""**Replace** on the page of a person: an administrator has all tokens of theirs revoked and issued anew."""

import uuid
from functools import partial

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from identity_manager.account.sign_in import recent_sign_in_required
from identity_manager.console.access import offices, persons
from identity_manager.console.forms import confirmation, refusals
from identity_manager.console.forms.act import Act, respond
from identity_manager.console.forms.confirmation import Confirmation
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.console.people.replace_forms import ReplaceForm
from identity_manager.models import Person
from identity_manager.transactions.refusals import Reason
from identity_manager.workflow import step1_replace
from identity_manager.workflow.archive import loss
from identity_manager.workflow.policy import eligibility
from identity_manager.workflow.replacement import policy
from identity_manager.workflow.replacement.policy import Replaced


@recent_sign_in_required
def replace(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Replace tokens: revoke them and open a request for new ones, as a Software Token Administrator."""
    person, actor = persons.person_for_administrator(request, pk), offices.officer(request)
    tokens = list(policy.replaceable(person).select_related("token_type"))
    form = ReplaceForm(refusals.post_data(request), tokens=tokens)
    act = Act(
        verb=partial(step1_replace.replace_for, actor=actor, person_id=pk),
        done=lambda _done: _("The tokens are revoked, and the person is asked to accept new ones."),
        back=reverse("console:person", args=[pk]),
        page=lambda refused: confirmation.page(request, refused, _asking(actor, person, _moved_on(refused))),
        ask=lambda: _asking(actor, person),
        about=person,
    )
    return respond(request, form, act)


def _moved_on(form: VerbForm) -> Reason | None:
    return form.refused.reason if form.refused else None


def _asking(actor: Person, person: Person, moved_on: Reason | None = None) -> Confirmation:
    tokens = list(policy.replaceable(person).select_related("token_type"))
    obstacle = moved_on or eligibility.asking_obstacle(actor, person) or policy.nothing_obstacle(tokens)
    lines = [] if obstacle else [_line(each) for each in policy.outlook(person, tokens)]
    lead = _(
        "They are revoked at once, for good, and the person is asked to accept new ones. Requests that are"
        " under way go on."
    )
    return Confirmation(
        title=_("Replace all software tokens of %(person)s?") % {"person": person},
        lead=lead,
        points=lines,
        button=_("Replace"),
        back=reverse("console:person", args=[person.pk]),
        tab="search",
        losses=loss.of_tokens(token.pk for token in tokens),
        obstacle=obstacle,
    )


def _line(replaced: Replaced) -> str:
    """One sentence about one token."""
    words = {"type": replaced.token, "reason": replaced.obstacle or ""}
    if replaced.obstacle is None and replaced.stays_unless_ticked:
        return _("%(type)s: is issued anew if its encryption certificate is ticked, and stays else.") % words
    if replaced.obstacle is None:
        return _("%(type)s: is issued anew.") % words
    return _("%(type)s: is not issued anew. %(reason)s") % words
