"""What the frame of every page needs to know. Nothing is asked of the database until a template asks."""

from functools import cached_property
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import get_language_info

from identity_manager.models import OFFICER_ROLES, Person, RequestState, Role, SoftwareToken, TokenRequest

SEARCHERS = frozenset(
    {
        Role.TOKEN_ADMINISTRATOR,
        Role.REGISTRATION_OFFICER,
        Role.USER_ADMINISTRATOR,
        Role.RECOVERY_OFFICER,
        Role.AUDITOR,
    }
)
REQUEST_READERS = frozenset({Role.TOKEN_ADMINISTRATOR, Role.APPROVER, Role.RECOVERY_OFFICER, Role.AUDITOR})
ADMINISTRATORS = frozenset({Role.SYSTEM_ADMINISTRATOR, Role.USER_ADMINISTRATOR, Role.AUDITOR})


class Portal:
    """The frame: who is here, which tabs they have, how many tasks wait, where the other portal is."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request

    @cached_property
    def person(self) -> Person | None:
        person: Person | None = getattr(self._request, "person", None)
        return person

    @property
    def name(self) -> str:
        return str(self.person) if self.person else ""

    @cached_property
    def roles(self) -> frozenset[str]:
        return frozenset(held.role for held in self.person.roles.all()) if self.person else frozenset()

    @property
    def is_officer(self) -> bool:
        return not self.roles.isdisjoint(OFFICER_ROLES)

    @property
    def may_search(self) -> bool:
        return not self.roles.isdisjoint(SEARCHERS)

    @property
    def may_see_requests(self) -> bool:
        return not self.roles.isdisjoint(REQUEST_READERS)

    @property
    def may_administer(self) -> bool:
        return not self.roles.isdisjoint(ADMINISTRATORS)

    @property
    def console_url(self) -> str:
        """The address of Identity Manager, empty for who has no office."""
        return f"{settings.CONSOLE_BASE_URL}/" if self.is_officer else ""

    @property
    def selfservice_url(self) -> str:
        """The address of Self-Service, empty for who is no user of it."""
        return f"{settings.SELFSERVICE_BASE_URL}/my/" if Role.SELF_SERVICE_USER in self.roles else ""

    @property
    def languages(self) -> list[dict[str, Any]]:
        return [dict(get_language_info(code)) for code, _name in settings.LANGUAGES]

    @cached_property
    def officer_tasks(self) -> int:
        """How many requests this approver may decide now."""
        if self.person is None or Role.APPROVER not in self.roles:
            return 0
        waiting = TokenRequest.objects.awaiting_decision(timezone.now()).decidable_by(self.person.pk)
        held = [each for each in self.person.roles.all() if each.role == Role.APPROVER]
        units = {each.organisational_unit for each in held}
        if "" not in units:
            waiting = waiting.filter(person__organisational_unit__in=units)
        return waiting.count()

    @cached_property
    def own_tasks(self) -> int:
        """How many terms wait for acceptance and how many passphrases to be noted."""
        if self.person is None:
            return 0
        terms = TokenRequest.objects.filter(
            person=self.person, state=RequestState.AWAITING_ACCEPTANCE
        ).count()
        passphrases = (
            SoftwareToken.objects.filter(person=self.person).with_unacknowledged_passphrase().count()
        )
        return terms + passphrases


def portal(request: HttpRequest) -> dict[str, Any]:
    """Give templates the frame, as `portal`."""
    return {"portal": Portal(request)}
