"""Sections of ADMIN, for the overview and the navigation."""

from dataclasses import dataclass

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from identity_manager.console.access import api_clients as api_client_access
from identity_manager.console.access import audit as audit_access
from identity_manager.console.access import directory as directory_access
from identity_manager.console.access import offices
from identity_manager.models import Person, Role


@dataclass(frozen=True)
class Section:
    """One section: name, description, first page, roles. also: another page that belongs to it, or none."""

    label: str | Promise
    line: str | Promise
    url_name: str
    roles: frozenset[str]
    icon: str = "settings"
    also: str = ""

    @property
    def url(self) -> str:
        return reverse(self.url_name)

    def holds(self, path: str) -> bool:
        return path.startswith(tuple(reverse(name) for name in (self.url_name, self.also) if name))


SECTIONS: tuple[Section, ...] = (
    Section(
        _("First set-up"),
        _("What is there, what is missing, and where to go on"),
        "console:first-set-up",
        frozenset({Role.SYSTEM_ADMINISTRATOR}),
        "task",
    ),
    Section(
        _("Token types"),
        _("What a person can be given, and under which rules"),
        "console:token-types",
        offices.CATALOGUE_READERS,
        "token",
    ),
    Section(
        _("Certificate profiles"),
        _("What a certificate says, what it is for, who issues it"),
        "console:profiles",
        offices.CATALOGUE_READERS,
        "certificate",
    ),
    Section(
        _("Terms"),
        _("What persons accept before anything is issued"),
        "console:terms-documents",
        offices.CATALOGUE_READERS,
        "paper",
    ),
    Section(
        _("Mail texts"),
        _("What is mailed to whom, when, and in which words"),
        "console:mail-texts",
        offices.CATALOGUE_READERS,
        "mail",
    ),
    Section(
        _("Looks"),
        _("Name, logo and colour of your company, help desk and links"),
        "console:looks",
        offices.CATALOGUE_READERS,
        "eye",
    ),
    Section(
        _("Certificate authorities"),
        _("The connections, and whether each answers"),
        "console:authorities",
        offices.CATALOGUE_READERS,
        "server",
    ),
    Section(
        _("Configuration files"),
        _("What is set up here as a file: exported, compared, brought from a test installation"),
        "console:configuration",
        offices.CATALOGUE_READERS,
        "download",
    ),
    Section(
        _("Jobs"),
        _("What runs by itself: last run, outcome, next run"),
        "console:jobs",
        offices.CATALOGUE_READERS,
        "clock",
    ),
    Section(
        _("Directories"),
        _("Where persons come from, and what each run found"),
        "console:directories",
        directory_access.READERS,
        "users",
    ),
    Section(
        _("Other systems"),
        _("Who is told of what stands in the audit log: webhooks and SIEM"),
        "console:other-systems",
        offices.CATALOGUE_READERS,
        "send",
    ),
    Section(
        _("Clients of the API"),
        _("Programs that ask for software tokens, and what they may do"),
        "console:api-clients",
        api_client_access.READERS,
        "key",
    ),
    Section(
        _("Targets"),
        _("Where certificates are published, and what is there"),
        "console:targets",
        offices.CATALOGUE_READERS,
        "upload",
    ),
    Section(
        _("Client certificates"),
        _("Whether certificates of browsers arrive through the proxy"),
        "console:certificate-test",
        frozenset({Role.SYSTEM_ADMINISTRATOR}),
        "certificate",
    ),
    Section(
        _("Officers"),
        _("Who has which role, and where"),
        "console:officers",
        offices.OFFICE_READERS,
        "shield",
        also="console:recertifications",
    ),
    Section(
        _("Audit log"),
        _("What happened, who did it, and that nobody has changed the log"),
        "console:history",
        offices.OFFICE_READERS | audit_access.LOG_CHECKERS,
        "list",
    ),
)


def sections_for(person: Person) -> list[Section]:
    """The sections that the person may open."""
    return [section for section in SECTIONS if offices.holds(person, section.roles)]


def current(sections: list[Section], path: str) -> Section | None:
    """Section of an address, by the longest matching prefix."""
    within = [section for section in sections if section.holds(path)]
    return max(within, key=lambda section: len(section.url), default=None)
