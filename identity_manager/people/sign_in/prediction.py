"""Prediction of how persons will sign in to Self-Service, as far as the settings and the database tell.

Each way is one SQL condition on persons, so a page, a dry run and OPEN TASKS ask the same, in one statement
for however many persons. It is a prediction: what a provider says of a person is known at their sign-in.
"""

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from cryptography.x509.oid import ExtendedKeyUsageOID
from django.conf import settings
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.db import models
from django.db.models import Exists, ExpressionWrapper, OuterRef, Q, QuerySet
from django.db.models.functions import Cast
from django.utils import timezone
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from ca_bridge.x509 import certificates
from identity_manager.models import (
    Account,
    Certificate,
    Person,
    PersonState,
    SignInCode,
    TokenState,
)
from identity_manager.models.people.person import NOTHING, PersonQuerySet
from identity_manager.models.words import Words
from identity_manager.people.sign_in import methods
from identity_manager.people.sign_in.identity_provider import IdentityProvider

PORTAL = "selfservice"


@dataclass(frozen=True)
class PredictedMethod:
    """One way of signing in: what officers read, and the condition on persons who have it."""

    words: Words
    condition: Q


@dataclass(frozen=True)
class Prediction:
    """ways: those that the person has. has_code: a sign-in code works now. gets_code: one would help."""

    ways: tuple[Words, ...]
    has_code: bool
    gets_code: bool

    @property
    def needs_code(self) -> bool:
        return not self.ways and not self.has_code and self.gets_code

    @property
    def is_shut_out(self) -> bool:
        """Whether nothing opens Self-Service for the person, a code neither."""
        return not self.ways and not self.has_code and not self.gets_code

    def __str__(self) -> str:
        if self.ways:
            return str(format_lazy(_("Signs in with {ways}."), ways=", ".join(map(str, self.ways))))
        if self.has_code:
            return str(_("Signs in with a sign-in code, which is made already."))
        return str(NEEDS_CODE if self.needs_code else SHUT_OUT)


NEEDS_CODE = _(
    "Needs a sign-in code: a Registration Officer who has not asked for this person's token makes it."
)
SHUT_OUT = _("Cannot sign in: the account is closed, or nothing that opens Self-Service knows this person.")


def predict(persons: Iterable[Person], *, now: datetime | None = None) -> dict[uuid.UUID, Prediction]:
    """A prediction for each of the persons, by their ids; in one statement."""
    known = list(ways(now or timezone.now()))
    columns = {f"way_{place}": way.condition for place, way in enumerate(known)}
    columns |= {"has_code": _has_code(now or timezone.now()), "gets_code": _gets_code()}
    rows = Person.objects.filter(pk__in=[person.pk for person in persons]).order_by()
    asked = rows.values_list("pk", *map(_column, columns.values()))
    return {pk: _prediction(known, *found) for pk, *found in asked}


def _column(condition: Q) -> "ExpressionWrapper[Q]":
    return ExpressionWrapper(condition, output_field=models.BooleanField())


def _prediction(known: list[PredictedMethod], *found: bool) -> Prediction:
    *has, has_code, gets_code = found
    return Prediction(
        tuple(way.words for way, is_there in zip(known, has, strict=True) if is_there),
        bool(has_code),
        bool(gets_code),
    )


def needing_code(persons: PersonQuerySet, *, now: datetime) -> PersonQuerySet:
    """Persons who cannot sign in before they have a sign-in code."""
    for way in ways(now):
        persons = persons.exclude(way.condition)
    return persons.filter(_gets_code()).exclude(_has_code(now))


def ways(now: datetime) -> Iterator[PredictedMethod]:
    """The ways that open Self-Service here, in the order in which they are named."""
    served = methods.configured(settings.SIGN_IN_METHODS[PORTAL])
    for provider in [*settings.SSO_PROVIDERS.values(), *settings.SAML_PROVIDERS.values()]:
        if provider.way in served:
            yield from _of_provider(provider)
    if methods.CERTIFICATE in served:
        yield PredictedMethod(_("a client certificate"), _certificate(now))
    if methods.PASSKEY in served:
        yield PredictedMethod(_("a passkey"), _passkey())
    if methods.PASSWORD in served:
        unset = Q(password="") | Q(password__startswith=UNUSABLE_PASSWORD_PREFIX)
        yield PredictedMethod(_("a password"), Q(Exists(_accounts().filter(~unset, is_active=True))))


def _of_provider(provider: IdentityProvider) -> Iterator[PredictedMethod]:
    """Linked already, or linked at the first sign-in (single_sign_on.sign_in) by the field that is compared.

    Two persons with one external id are told apart by nobody, but that shows when they come.
    """
    links = SocialAccount.objects.filter(provider=provider.id, user__person=OuterRef("pk"))
    linked = Q(Exists(links.filter(user__is_active=True)))
    barred = _accounts().filter(Q(is_active=False) | Q(is_break_glass=True))
    matched = ~Q(**{provider.field: ""}) & ~Q(Exists(barred)) & ~_name_is_taken()
    yield PredictedMethod(format_lazy(_("{provider} (linked)"), provider=provider.name), linked)
    field = Person._meta.get_field(provider.field).verbose_name  # type: ignore[union-attr]  # a field of its own
    words = format_lazy(_("{provider} (by {field})"), provider=provider.name, field=field)
    yield PredictedMethod(words, matched & ~Q(Exists(links)))


def _certificate(now: datetime) -> Q:
    """A usable certificate for client authentication, by one of the CAs whose certificates sign in."""
    usages = Cast("profile__extended_key_usage", models.TextField())
    found = (
        Certificate.objects.usable()
        .alias(usages=usages)
        .filter(
            token__person=OuterRef("pk"),
            token__state=TokenState.ACTIVE,
            not_after__gt=now,
            issuer__in=[certificates.describe(der).subject for der in settings.CERTIFICATE_CAS],
            usages__contains=f'"{ExtendedKeyUsageOID.CLIENT_AUTH.dotted_string}"',
        )
    )
    return Q(Exists(found.order_by())) & Q(Exists(_accounts().filter(is_active=True, is_break_glass=False)))


def _passkey() -> Q:
    """One that can sign in alone: the authenticator keeps it, or has not said that it does not."""
    passkeys = Authenticator.objects.filter(
        user__person=OuterRef("pk"), user__is_active=True, type=Authenticator.Type.WEBAUTHN
    )
    said = "data__credential__clientExtensionResults__credProps__rk"
    alone = Q(**{said: True}) | Q(**{said: None}) | Q(**{f"{said}__isnull": True})
    return Q(Exists(passkeys.filter(alone)))


def _has_code(now: datetime) -> Q:
    """A code that was made and works: not overtaken, where codes are exchanged for passwords."""
    if not _takes_codes():
        return NOTHING
    usable = SignInCode.objects.usable(now).filter(person=OuterRef("pk"))
    return Q(Exists(usable)) & ~_is_closed()


def _gets_code() -> Q:
    """Whether a code would open Self-Service: as sign_in_code_policy.person_obstacle refuses them."""
    if not _takes_codes():
        return NOTHING
    return Q(state=PersonState.ACTIVE) & ~_is_closed() & ~_name_is_taken()


def _takes_codes() -> bool:
    return methods.PASSWORD in methods.configured(settings.SIGN_IN_METHODS[PORTAL])


def _is_closed() -> Q:
    return Q(Exists(_accounts().filter(is_active=False)))


def _name_is_taken() -> Q:
    """No account, and another one has the personnel number as its user name; case counts, for the index."""
    others = Account.objects.filter(username=OuterRef("personnel_number")).exclude(person=OuterRef("pk"))
    return ~Q(Exists(_accounts())) & Q(Exists(others))


def _accounts() -> QuerySet[Account]:
    return Account.objects.filter(person=OuterRef("pk"))
