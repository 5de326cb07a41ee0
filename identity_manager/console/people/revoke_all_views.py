"""**Revoke all** on the page of a person: an administrator revokes every token of theirs."""

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
from identity_manager.console.requests.forms import RevokeForm
from identity_manager.models import Person
from identity_manager.workflow.archive import loss
from identity_manager.workflow.revocation import revoke_all as revocation_of_all


@recent_sign_in_required
def revoke_all(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Revoke all tokens of a person, as a Software Token Administrator of the unit with a recent sign-in."""
    person = persons.person_for_administrator(request, pk)
    form = RevokeForm(refusals.post_data(request), tokens=revocation_of_all.revocable(person))
    asking = _asking(person)
    act = Act(
        verb=partial(revocation_of_all.revoke_all, actor=offices.officer(request), person_id=pk),
        done=lambda _tokens: _("The tokens are revoked. Their certificate authorities are told now."),
        back=asking.back,
        page=lambda refused: confirmation.page(request, refused, _asking(person)),
        ask=lambda: asking,
        about=person,
    )
    return respond(request, form, act)


def _asking(person: Person) -> Confirmation:
    tokens = list(revocation_of_all.revocable(person).select_related("token_type"))
    words = {"person": person, "types": ", ".join(map(str, tokens))}
    return Confirmation(
        title=_("Revoke all software tokens of %(person)s?") % words,
        lead=_(
            "Their certificates are revoked for good: %(types)s. Passphrases that were not noted yet are"
            " destroyed. Requests that are under way go on."
        )
        % words,
        button=_("Revoke all"),
        back=reverse("console:person", args=[person.pk]),
        tab="search",
        losses=loss.of_tokens(token.pk for token in tokens),
        obstacle=None if tokens else revocation_of_all.NOTHING_TO_REVOKE,
    )
