"""Policy of replacement: which tokens are revoked and which types requested anew, with reasons."""

import math
import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from django.db.models import Prefetch, prefetch_related_objects
from django.utils.translation import gettext_lazy as _

from ca_bridge.contract import RevocationReason
from identity_manager.models import Certificate, Person, ReplacementCause, RequestKind, SoftwareToken
from identity_manager.models.catalogue.token_type import offered_types
from identity_manager.models.requests.token_queries import SoftwareTokenQuerySet
from identity_manager.transactions.refusals import Reason
from identity_manager.workflow.policy import eligibility
from identity_manager.workflow.policy.eligibility import HeldToken, TypeChoice
from identity_manager.workflow.revocation import revoke, revoke_all

NOTHING_TO_REPLACE = Reason(
    "nothing-to-replace",
    _("This person has no software token that can be replaced."),
    _("You have no software token that can be replaced. If all are revoked, ask for new ones."),
)
OTHER_TOKENS = Reason(
    "replacement-other-tokens",
    _("The software tokens have changed since you opened the page. Look at them again."),
    _("Your software tokens have changed since you opened the page. Look at them again."),
)
NOT_OFFERED = Reason("type-not-offered", _("This type is not offered any more."))
ONLY_ONE = Reason(
    "replacement-of-one", _("For all software tokens say that they are lost, stolen or compromised.")
)
# RFC 5280 5.3.1: keyCompromise for a key that others may have; a forgotten passphrase exposes no key.
REVOCATION_REASONS = {
    ReplacementCause.LOST: RevocationReason.KEY_COMPROMISE,
    ReplacementCause.STOLEN: RevocationReason.KEY_COMPROMISE,
    ReplacementCause.COMPROMISED: RevocationReason.KEY_COMPROMISE,
    ReplacementCause.FORGOTTEN: RevocationReason.SUPERSEDED,
}


@dataclass(frozen=True)
class Replaced:
    """A token that would be revoked. choice: the type requested in its place; None if it is not offered."""

    token: SoftwareToken
    choice: TypeChoice | None

    @property
    def stays_unless_ticked(self) -> bool:
        """Whether only ticked encryption certificates of the token would be revoked."""
        rows = self.token.certificates.all()
        kept = revoke.kept_certificates(rows, ())
        return bool(kept) and not revoke.ends_something(rows, kept)

    @property
    def obstacle(self) -> Reason | None:
        """Why no token is requested in place of this one, or None."""
        return self.choice.reason if self.choice else NOT_OFFERED


def replaceable(person: Person, *, only: uuid.UUID | None = None) -> SoftwareTokenQuerySet[SoftwareToken]:
    """The person's tokens that a replacement revokes, in lock order. only: one of them."""
    rows = revoke_all.revocable(person)
    return rows if only is None else rows.filter(pk=only)


def nothing_obstacle(tokens: Iterable[SoftwareToken]) -> Reason | None:
    """Reason if none of these tokens can be replaced, because none is in use."""
    return None if any(token.is_in_use for token in tokens) else NOTHING_TO_REPLACE


def outlook(person: Person, tokens: Iterable[SoftwareToken], *, own: bool = False) -> list[Replaced]:
    """The effect of replacing these tokens, as far as in use. own: the person asks. Writes nothing."""
    tokens = [token for token in tokens if token.is_in_use]
    prefetch_related_objects(tokens, Prefetch("certificates", Certificate.objects.select_related("profile")))
    found = {
        choice.token_type.code: choice for choice in choices(person, {token.pk for token in tokens}, own=own)
    }
    return [Replaced(token, found.get(token.type_code)) for token in tokens]


def choices(person: Person, ending: Collection[uuid.UUID], *, own: bool) -> list[TypeChoice]:
    """The choices that request each type of the ending tokens anew, or the reasons why not.

    Tokens that had ended before, with living encryption certificates only, are not requested anew; nor, where
    the person asks (own), are those that a standing order lets run out.
    """
    held = eligibility.held_by([person.pk]).get(person.pk, frozenset())
    ended = _latest(each for each in held if each.token_id in ending)
    left = frozenset(each for each in held if each.token_id not in ending)
    types = [each for each in offered_types() if each.code in ended]
    return [
        _in_place_of(ended[choice.token_type.code], choice, own=own)
        for choice in eligibility.choices_among(types, person, left)
    ]


def _latest(held: Iterable[HeldToken]) -> dict[str, HeldToken]:
    """The token of each type that ends last."""
    by_end = sorted(held, key=lambda each: each.ends_at.timestamp() if each.ends_at else math.inf)
    return {each.type_code: each for each in by_end}


def _in_place_of(ended: HeldToken, choice: TypeChoice, *, own: bool) -> TypeChoice:
    left = eligibility.LEFT_ORDER if own and ended.is_lost else None
    reason = choice.reason or (eligibility.HAS_ONE if choice.renews else left)
    return replace(choice, reason=reason, renews=ended, kind=RequestKind.REPLACEMENT)
