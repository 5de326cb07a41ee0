"""Help page "I do not have the passphrase any more": remedy and losses for each token."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from identity_manager.models import Person, ReplacementCause, RequestKind, SoftwareToken
from identity_manager.models.requests.token_states import BY_TARGETS, DELIVERABLE
from identity_manager.workflow import step1_recover
from identity_manager.workflow.policy import eligibility

STILL_SHOWN = gettext_lazy(
    "You have not confirmed this passphrase yet, so it still stands in Open Tasks. It opens the file that you"
    " have, and every file of this token that is sent again."
)
RECOVERED_HERE = gettext_lazy(
    "Your organisation keeps a copy of this encryption key. You get it in a new file under a new passphrase."
)
OFFICERS_OPEN = gettext_lazy(
    "Your organisation keeps a copy of this encryption key, which two Recovery Officers open. Ask your"
    " Software Token Administrator for a recovery."
)
NOT_SHOWN = gettext_lazy("Nobody can show this passphrase again, and no copy of the key is kept.")
RENEWED = gettext_lazy("It can be renewed now: you get a new key in a new file, under a new passphrase.")
REPLACED_NOW = gettext_lazy(
    "Replace it: its certificates are revoked, and you get a new key in a new file, under a new passphrase."
)
NOTHING_LOST = gettext_lazy("Nothing is lost.")
OLD_FILE_STAYS = gettext_lazy(
    "Nothing is lost: the certificate goes on as it is. The old file stays closed, and you can delete it."
)
SIGNATURES_STAY = gettext_lazy(
    "What you have signed stays valid. Until you have the new one, you cannot sign, or sign in, with it"
    " where it is not installed."
)
MAIL_LOST = gettext_lazy(
    "On devices where it is installed it goes on opening what was encrypted for you. If it is installed"
    " nowhere, nobody can read that any more."
)


@dataclass(frozen=True)
class Remedy:
    """A button that helps."""

    words: str
    url: str
    icon: str


@dataclass
class Advice:
    """Remedy for one token, and what is lost by it."""

    token: SoftwareToken
    lines: list[str | Promise] = field(default_factory=list)
    lost: list[str | Promise] = field(default_factory=list)
    ways: list[Remedy] = field(default_factory=list)


@dataclass(frozen=True)
class _Known:
    """Rows that are read once for all tokens. archived: tokens whose owner can recover the keys here."""

    archived: dict[uuid.UUID, bool]
    renewable: set[uuid.UUID]


def advice(person: Person) -> list[Advice]:
    """For each token of the person that was handed out with a passphrase and is in use, the latest first."""
    rows = SoftwareToken.objects.filter(person=person, state__in=DELIVERABLE)
    rows = rows.exclude(delivery__in=BY_TARGETS)
    rows = rows.select_related("token_type").prefetch_related("certificates__profile")
    known = _Known(_archived(person), _renewable(person))
    return [_of(token, known) for token in rows.defer("snapshot").order_by("-created_at")]


def _archived(person: Person) -> dict[uuid.UUID, bool]:
    found = {}
    for choice in step1_recover.choices(person):
        if choice.key.certificate is not None:
            found[choice.key.certificate.token_id] = choice.reason is None
    return found


def _renewable(person: Person) -> set[uuid.UUID]:
    if eligibility.person_obstacle(person) is not None:
        return set()
    choices = eligibility.type_choices(person, own=True)
    return {each.renews.token_id for each in choices if each.renews and each.available}


def _of(token: SoftwareToken, known: _Known) -> Advice:
    found = Advice(token)
    if token.is_to_be_noted:
        found.lines.append(STILL_SHOWN)
        found.lost.append(NOTHING_LOST)
        found.ways.append(_way("passphrase", token, _("See the passphrase"), icon="key"))
        found.ways.append(_way("token", token, _("Send the file again"), icon="send"))
        return found
    if token.kind == RequestKind.RECOVERY:
        found.lines.append(RECOVERED_HERE)
        found.lost.append(OLD_FILE_STAYS)
        found.ways.append(Remedy(_("Recover"), reverse("selfservice:recover"), "key"))
        return found
    decrypting = [row.profile.decrypts for row in token.certificates.all()]
    if token.pk in known.archived:
        _recover(found, here=known.archived[token.pk])
    if token.pk not in known.archived or not all(decrypting):
        _replace(found, renewable=token.pk in known.renewable, decrypts=_loses_mail(decrypting, token, known))
    return found


def _loses_mail(decrypting: Iterable[bool], token: SoftwareToken, known: _Known) -> bool:
    return any(decrypting) and token.pk not in known.archived


def _recover(found: Advice, *, here: bool) -> None:
    found.lines.append(RECOVERED_HERE if here else OFFICERS_OPEN)
    found.lost.append(OLD_FILE_STAYS)
    if here:
        address = f"{reverse('selfservice:recover')}?token={found.token.pk}"
        found.ways.append(Remedy(_("Recover"), address, "key"))


def _replace(found: Advice, *, renewable: bool, decrypts: bool) -> None:
    found.lines += [NOT_SHOWN, RENEWED if renewable else REPLACED_NOW]
    found.lost.append(MAIL_LOST if decrypts else SIGNATURES_STAY)
    if renewable:
        found.ways.append(_way("renew", found.token, _("Renew"), icon="refresh"))
    else:
        address = reverse("selfservice:replace-one", args=[found.token.pk])
        chosen = f"{address}?cause={ReplacementCause.FORGOTTEN.value}"
        found.ways.append(Remedy(_("Replace"), chosen, "refresh"))


def _way(page: str, token: SoftwareToken, words: str, *, icon: str) -> Remedy:
    return Remedy(words, reverse(f"selfservice:{page}", args=[token.pk]), icon)
