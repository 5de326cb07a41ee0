"""Steps of a replacement for its person: preview, and the next page."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _

from identity_manager.models import (
    Person,
    RequestOrigin,
    RequestState,
    SoftwareToken,
    TermsText,
    TokenRequest,
)
from identity_manager.queries import selfservice_pages
from identity_manager.transactions.refusals import Reason
from identity_manager.workflow.policy import approvers, eligibility
from identity_manager.workflow.policy.eligibility import TypeChoice
from identity_manager.workflow.renewal import policy as renewal_policy
from identity_manager.workflow.replacement import policy
from identity_manager.workflow.replacement.policy import Replaced


@dataclass(frozen=True)
class TokenOutlook:
    """A token, and a sentence on what the replacement does to it."""

    token: SoftwareToken
    words: str


@dataclass(frozen=True)
class Outlook:
    """Preview of a replacement. texts: terms that remain valid; empty if the person has to accept again."""

    lines: Sequence[TokenOutlook]
    texts: Sequence[TermsText]
    approvals: int
    issues: bool


def outlook(person: Person, tokens: Sequence[SoftwareToken]) -> Outlook:
    """The preview for these tokens, in their order. Writes nothing."""
    replaced = policy.outlook(person, tokens, own=True)
    choices = [each.choice for each in replaced if each.choice is not None and each.choice.available]
    lines = [_line(each) for each in replaced]
    if not choices:
        return Outlook(lines, (), 0, issues=False)
    needed = approvers.approvals_needed(
        [choice.token_type for choice in choices],
        requesters={person.pk},
        person=person,
        origin=RequestOrigin.SELF_SERVICE,
    )
    texts = [] if needed else renewal_policy.terms_that_stand(_drafts(person, tokens, choices))
    return Outlook(lines, texts, needed, issues=True)


def _drafts(
    person: Person, tokens: Iterable[SoftwareToken], choices: Iterable[TypeChoice]
) -> list[SoftwareToken]:
    """Unsaved lines that these choices would open, with the fields that terms depend on."""
    known = {token.pk: token for token in tokens}
    replaced = [(choice, known[choice.renews.token_id]) for choice in choices if choice.renews]
    return [
        SoftwareToken(person=person, token_type=choice.token_type, predecessor=token)
        for choice, token in replaced
    ]


def _line(replaced: Replaced) -> TokenOutlook:
    token, obstacle = replaced.token, replaced.obstacle
    if replaced.stays_unless_ticked:
        return TokenOutlook(token, _ticked(obstacle))
    if obstacle is None:
        return TokenOutlook(token, _("It is revoked at once, and a new one is asked for."))
    if obstacle.code == eligibility.UNDER_WAY.code:
        words = _("It is revoked at once. Your request that is under way brings the new one.")
        return TokenOutlook(token, words)
    words = _("It is revoked at once, and no new one is asked for.")
    return TokenOutlook(token, f"{words} {obstacle.to_its_person}")


def _ticked(obstacle: Reason | None) -> str:
    """The sentence for a token with encryption certificates only."""
    if obstacle is None:
        return _(
            "It is revoked, and a new one is asked for, if you tick its encryption certificate below. Else it"
            " stays as it is."
        )
    words = _("It stays as it is, unless you tick its encryption certificate below. No new one is asked for.")
    return f"{words} {obstacle.to_its_person}"


def offers_keys(request: TokenRequest) -> bool:
    """Whether the person may have keys recovered beside this replacement."""
    return selfservice_pages.ARCHIVED in selfservice_pages.possessions(request.person_id)


def address(request: TokenRequest) -> str:
    """URL of the page on which the person continues the request."""
    if request.state == RequestState.AWAITING_ACCEPTANCE:
        return reverse("selfservice:terms", args=[request.pk])
    if request.state == RequestState.REQUESTED:
        return reverse("selfservice:requests")
    return reverse("selfservice:progress", args=[request.pk])
