"""Archived keys that the person can recover, as cards."""

from collections.abc import Iterable
from datetime import datetime

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from identity_manager.models import Certificate, Person, SoftwareToken, TokenRequest
from identity_manager.ui.parts import Card
from identity_manager.workflow import step1_recover
from identity_manager.workflow.step1_recover import KeyChoice


def cards(person: Person) -> list[tuple[str, Card]]:
    """All archived keys; those that only officers can open are disabled, with the reason."""
    return [(str(choice.key.pk), _card(choice)) for choice in step1_recover.choices(person)]


def checked(person: Person, tokens: Iterable[str], *, everything: bool) -> list[str]:
    """The keys that are checked at first: those of these tokens, all, or the only one that there is."""
    offered = _recoverable(person)
    if everything or len(offered) == 1:
        return [str(choice.key.pk) for choice in offered]
    return _of_tokens(offered, tokens)


def _recoverable(person: Person) -> list[KeyChoice]:
    return [choice for choice in step1_recover.choices(person) if choice.reason is None]


def _of_tokens(choices: Iterable[KeyChoice], tokens: Iterable[str]) -> list[str]:
    wanted = set(tokens)
    return [str(choice.key.pk) for choice in choices if str(_certificate(choice).token_id) in wanted]


def of_replacement(request: TokenRequest) -> list[str]:
    """The keys that are checked at first after a replacement: those of the replaced tokens.

    Where no other token is in use any more, the device is gone, and with it the person's older keys: all of
    them but the new ones.
    """
    left = SoftwareToken.objects.in_use().filter(person=request.person).exclude(request=request)
    tokens = SoftwareToken.objects.filter(person=request.person).exclude(request=request)
    if left.exists():
        tokens = tokens.filter(renewals__request=request)
    return _of_tokens(_recoverable(request.person), map(str, tokens.values_list("pk", flat=True)))


def _certificate(choice: KeyChoice) -> Certificate:
    if choice.key.certificate is None:
        raise ValueError("A key without a certificate is not offered.")
    return choice.key.certificate


def _day(moment: datetime | None) -> str:
    return date_format(timezone.localtime(moment)) if moment else ""


def _card(choice: KeyChoice) -> Card:
    row = _certificate(choice)
    names = {"type": row.token, "first": _day(row.not_before), "last": _day(row.not_after)}
    period = _("%(type)s, valid from %(first)s until %(last)s.") % names
    use = _("Not in use any more: for reading old mail only.") if choice.for_reading_only else _("In use.")
    return Card(
        title=str(row.profile.name),
        line=f"{period} {use}",
        reason=choice.reason.to_its_person if choice.reason else "",
        icon="lock",
    )
