"""Token types that the person can request, as cards."""

from collections.abc import Container, Iterable
from functools import partial
from typing import cast

from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from identity_manager.models import Person, RequestOrigin, SoftwareToken, TokenRequest, TokenState
from identity_manager.ui.parts import Card, type_icon
from identity_manager.workflow.policy import eligibility
from identity_manager.workflow.policy.eligibility import TypeChoice
from identity_manager.workflow.requests import opening


def cards(person: Person, choices: Iterable[TypeChoice]) -> list[tuple[str, Card]]:
    """Token types as cards, disabled ones with the reason."""
    return [(str(choice.token_type.pk), _card(person, choice)) for choice in choices]


def ids_of(person: Person, codes: Iterable[str]) -> list[str]:
    """The types of these codes that the person can ask for now, as the form names them."""
    wanted = set(codes)
    if not wanted:
        return []
    choices = eligibility.type_choices(person, own=True)
    return [
        str(choice.token_type.pk)
        for choice in choices
        if choice.available and choice.token_type.code in wanted
    ]


def codes(person: Person) -> set[str]:
    """The codes of the types that the person can ask for now."""
    if eligibility.person_obstacle(person) is not None:
        return set()
    return {
        choice.token_type.code for choice in eligibility.type_choices(person, own=True) if choice.available
    }


def codes_on_demand(person: Person) -> Container[str]:
    """As codes(), lazily and once: most pages do not need it."""
    return cast("Container[str]", SimpleLazyObject(partial(codes, person)))


def asked_for(request: TokenRequest) -> list[str]:
    """Codes of the types in the request, in any round, without removed ones."""
    return [token.type_code for token in request.tokens.all() if token.taken_out_by_id is None]


def can_be_asked_again(token: SoftwareToken) -> bool:
    """Whether the token has ended, and its person can ask for another of its type now."""
    ended = token.state in (TokenState.LAPSED, TokenState.REVOKED, TokenState.EXPIRED)
    return ended and token.type_code in codes(token.person)


def _card(person: Person, choice: TypeChoice) -> Card:
    token_type = choice.token_type
    return Card(
        title=str(token_type),
        line=f"{token_type.description} {_consequence(person, choice)}",
        reason=choice.reason.to_its_person if choice.reason else "",
        icon=type_icon(token_type.code),
    )


def _consequence(person: Person, choice: TypeChoice) -> str:
    count = len(choice.token_type.token_type_profiles.all())
    certificates = ngettext("%(count)d certificate.", "%(count)d certificates.", count) % {"count": count}
    if not choice.available:
        return certificates
    asking = opening.Origin(person, person, RequestOrigin.SELF_SERVICE)
    approvers = opening.approvals_needed(asking, choice)
    if not approvers:
        return f"{certificates} {_('Nobody has to approve it.')}"
    approval = ngettext("Somebody approves it first.", "%(count)d persons approve it first.", approvers)
    return f"{certificates} {approval % {'count': approvers}}"
