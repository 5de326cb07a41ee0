"""Template context of the page frame: tabs, task counts, links. Lazy: no query until a template asks."""

from collections import Counter
from functools import cached_property
from typing import Any

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest

from identity_manager.models import OFFICER_ROLES, Looks, Person, Role
from identity_manager.queries import looks, selfservice_pages
from identity_manager.ui.frame_addresses import frame_addresses
from identity_manager.ui.looks import logo_url, stylesheet_url

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
ARCHIVE_READERS = frozenset({Role.RECOVERY_OFFICER, Role.SYSTEM_ADMINISTRATOR, Role.AUDITOR})
BATCH_READERS = frozenset({Role.TOKEN_ADMINISTRATOR, Role.REGISTRATION_OFFICER, Role.AUDITOR})
ADMINISTRATORS = frozenset({Role.SYSTEM_ADMINISTRATOR, Role.USER_ADMINISTRATOR, Role.AUDITOR})


class Portal:
    """Data of the frame: current person, tabs, number of tasks, address of the other portal."""

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
    def may_see_archive(self) -> bool:
        """Whether the pages of recovery keys are offered: only to roles for all units."""
        held = self.person.roles_in_force() if self.person else ()
        return any(each.role in ARCHIVE_READERS and not each.organisational_unit for each in held)

    @property
    def may_see_mails(self) -> bool:
        return not self.roles.isdisjoint(MAIL_WATCHERS)

    @property
    def may_administer(self) -> bool:
        return not self.roles.isdisjoint(ADMINISTRATORS)

    @property
    def site(self) -> str:
        """Name of the site on pages that both portals have, such as sign-in."""
        return self.looks.officers_name if "console" in settings.PORTALS else self.looks.persons_name

    @cached_property
    def looks(self) -> Looks:
        """The looks in force; the product's defaults if the database is away."""
        try:
            return looks.in_force()
        except DatabaseError:
            return Looks(number=0)

    @property
    def logo_url(self) -> str:
        return logo_url(self.looks)

    @property
    def stylesheet_url(self) -> str:
        return stylesheet_url(self.looks)

    @property
    def console_url(self) -> str:
        """Address of the officers' portal; empty for persons without a role there."""
        return self.console_home if self.is_officer else ""

    @property
    def selfservice_url(self) -> str:
        """Address of Self-Service; empty for persons who are no user of it."""
        return self.selfservice_home if Role.SELF_SERVICE_USER in self.roles else ""

    @property
    def console_home(self) -> str:
        return f"{settings.CONSOLE_BASE_URL}/"

    @property
    def selfservice_home(self) -> str:
        return f"{settings.SELFSERVICE_BASE_URL}/my/"

    @cached_property
    def addresses(self) -> dict[str, str]:
        return frame_addresses()

    @cached_property
    def waiting(self) -> Counter[str]:
        """Number of the person's own open tasks, by kind."""
        return selfservice_pages.waiting(self.person.pk) if self.person else Counter()

    @property
    def own_tasks(self) -> int:
        """Number of terms to accept, passphrases to note and tokens to fetch."""
        return self.waiting.total()


def portal_of(request: HttpRequest) -> Portal:
    """The frame of this request, made once: a page of open tasks and its tab read the same numbers."""
    known: Portal | None = getattr(request, "portal", None)
    if known is None:
        known = request.portal = Portal(request)  # type: ignore[attr-defined]  # ours
    return known


def portal(request: HttpRequest) -> dict[str, Any]:
    """Context processor: the frame as `portal`."""
    return {"portal": portal_of(request)}
