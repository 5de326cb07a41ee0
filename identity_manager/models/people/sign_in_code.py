"""One-time sign-in codes: the first sign-in of a person who has no single sign-on."""

from datetime import datetime, timedelta
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now
from django.utils import timezone

from identity_manager.models.identifiers import new_id
from identity_manager.models.people.account import Account
from identity_manager.models.people.person import Person, PersonState
from identity_manager.models.people.role import OFFICER_ROLES, RoleAssignment
from identity_manager.models.people.vouching import code_opens
from identity_manager.models.second_officer import DecisionAboutPerson, SecondOfficerQuerySet, never_the_asker


def oldest(now: datetime) -> datetime:
    """The moment before which a code was asked for too long ago to be confirmed or made."""
    return now - timedelta(days=settings.SIGN_IN_CODE_DAYS)


class SignInCodeQuerySet(SecondOfficerQuerySet["SignInCode"]):
    def usable(self, now: datetime | Now) -> Self:
        """Codes that were made, not used, not replaced by a newer one, not overtaken, and not expired.

        One without a second officer is overtaken once its person has signed in or got an officer role.
        In Python: workflow.people.sign_in_code_policy.stage_of.
        """
        rows = self.filter(made_at__isnull=False, used_at=None, withdrawn_at=None, expires_at__gt=now)
        return rows.filter(Q(needs_confirmation=True) | ~of_who_needs_confirmation())

    def ended_unused(self, now: datetime) -> Self:
        """Codes that expired before anybody used them, of persons who have not signed in since, either."""
        signed_in = Account.objects.filter(person=OuterRef("person"), last_login__gt=OuterRef("made_at"))
        ended = self.filter(made_at__isnull=False, used_at=None, withdrawn_at=None, expires_at__lte=now)
        return ended.filter(~Exists(signed_in))

    def opening(self, now: datetime) -> Self:
        """Codes that were made and have not ended, or were used; also those that were overtaken."""
        return self.filter(code_opens(now))


class SignInCode(DecisionAboutPerson):
    """A sign-in code for a first sign-in; only its hash is kept.

    A code that needs a second officer's confirmation is made (and shown once) after that. One that nobody
    asked for is a first officer's: a command made it.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="sign_in_codes")
    needs_confirmation = models.BooleanField()
    resets_second_factors = models.BooleanField(default=False)
    decided_by = models.ForeignKey(
        Person, null=True, on_delete=models.PROTECT, related_name="+", db_column="confirmed_by_id"
    )
    decided_at = models.DateTimeField(null=True, db_column="confirmed_at")
    reason = None  # type: ignore[assignment]  # nobody refuses it with a reason: it is withdrawn
    code_hash = models.CharField(max_length=200, blank=True)
    made_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    failed_attempts = models.PositiveSmallIntegerField(default=0)
    used_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)

    objects = SignInCodeQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["person"], condition=Q(used_at=None, withdrawn_at=None), name="sign_in_code_one_open"
            ),
            never_the_asker("sign_in_code_four_eyes"),
        ]

    @classmethod
    def waiting_condition(cls, now: datetime) -> Q:
        asked = Q(needs_confirmation=True, decided_by=None, made_at=None, used_at=None, withdrawn_at=None)
        return asked & Q(asked_at__gt=oldest(now)) & person_can_sign_in_condition()

    def waits(self, now: datetime | None = None) -> bool:
        asked = self.needs_confirmation and self.decided_by_id is None
        open_still = self.made_at is None and self.used_at is None and self.withdrawn_at is None
        recent = self.asked_at > oldest(now or timezone.now())
        return asked and open_still and recent and person_can_sign_in(self.person)


def of_who_needs_confirmation() -> Q:
    """SQL: codes of persons who have signed in before or have a role; a second officer confirms those."""
    accounts = Account.objects.filter(person=OuterRef("person")).exclude(last_login=None)
    offices = RoleAssignment.objects.filter(person=OuterRef("person"), role__in=OFFICER_ROLES)
    return Q(Exists(accounts)) | Q(Exists(offices))


def person_can_sign_in_condition() -> Q:
    """SQL form: codes of Active persons without an account, or with an active one."""
    others = [state for state in PersonState if state != PersonState.ACTIVE]
    # Phrased so that SQLite's planner starts from the codes, which are few, not from all Active persons.
    return ~Q(person__state__in=others) & ~Q(person__account__is_active=False)


def person_can_sign_in(person: Person) -> bool:
    """Python form of person_can_sign_in_condition()."""
    account = getattr(person, "account", None)
    return person.is_active and (account is None or account.is_active)
