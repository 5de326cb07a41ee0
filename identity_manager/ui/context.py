"""What the frame of every page needs to know. Nothing is asked of the database until a template asks."""

from functools import cached_property
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import get_language_info

from identity_manager.models import OFFICER_ROLES, Person, Role
from identity_manager.queries import selfservice_pages

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
MAIL_WATCHERS = frozenset({Role.TOKEN_ADMINISTRATOR, Role.AUDITOR, Role.SYSTEM_ADMINISTRATOR})
BATCH_READERS = frozenset({Role.TOKEN_ADMINISTRATOR, Role.AUDITOR})
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
        return frozenset(held.role for held in self.person.roles_in_force()) if self.person else frozenset()

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
    def may_see_batches(self) -> bool:
        return not self.roles.isdisjoint(BATCH_READERS)

    @property
    def may_see_mails(self) -> bool:
        return not self.roles.isdisjoint(MAIL_WATCHERS)

    @property
    def may_administer(self) -> bool:
        return not self.roles.isdisjoint(ADMINISTRATORS)

    @property
    def site(self) -> str:
        """What the pages that both portals have, such as signing in, call the place."""
        return "Identity Manager" if "console" in settings.PORTALS else "Self-Service"

    @property
    def console_url(self) -> str:
        """The address of Identity Manager, empty for who has no office."""
        return self.console_home if self.is_officer else ""

    @property
    def selfservice_url(self) -> str:
        """The address of Self-Service, empty for who is no user of it."""
        return self.selfservice_home if Role.SELF_SERVICE_USER in self.roles else ""

    @property
    def console_home(self) -> str:
        return f"{settings.CONSOLE_BASE_URL}/"

    @property
    def selfservice_home(self) -> str:
        return f"{settings.SELFSERVICE_BASE_URL}/my/"

    @property
    def languages(self) -> list[dict[str, Any]]:
        return [dict(get_language_info(code)) for code, _name in settings.LANGUAGES]

    @cached_property
    def own_tasks(self) -> int:
        """How many terms wait for acceptance, passphrases to be noted, and tokens to be fetched."""
        return selfservice_pages.number_waiting(self.person.pk) if self.person else 0


def portal(request: HttpRequest) -> dict[str, Any]:
    """Give templates the frame, as `portal`."""
    return {"portal": Portal(request)}
