"""Persons, who are the holders of software tokens and of roles."""

import uuid
import zoneinfo
from collections.abc import Iterable
from datetime import tzinfo
from typing import TYPE_CHECKING, Any, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from django_fsm import transition

from ca_bridge.database.state_machine import StateField, Stateful, state_constraint
from ca_bridge.x509.profiles import PLACEHOLDERS
from identity_manager.models.identifiers import new_id
from identity_manager.models.people.role import Role, today
from identity_manager.models.people.upn_key import UpnKeyField, claim
from identity_manager.models.person_search import matching as person_search
from identity_manager.models.person_search import name_order
from identity_manager.models.prefetched import prefetched_or_all, set_prefetched
from identity_manager.models.text_in_languages import languages, own_language

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise
    from django_stubs_ext.db.models.manager import RelatedManager

    from identity_manager.models.people.role import RoleAssignment


# Fields that certificates may hold: their templates name them, and a change of one suspends a request.
MATERIAL_FIELDS = (*PLACEHOLDERS, "sid")


class PersonState(models.TextChoices):
    REGISTERED = "registered", _("Registered")
    ACTIVE = "active", _("Active")
    INACTIVE = "inactive", _("Inactive")
    LOCKED = "locked", _("Locked")


class PersonKind(models.TextChoices):
    EMPLOYEE = "employee", _("Employee")
    EXTERNAL = "external", _("External person")


class PersonSource(models.TextChoices):
    MANUAL = "manual", _("entered by hand")
    CSV = "csv", _("CSV file")
    LDAP = "ldap", _("LDAP directory")
    SCIM = "scim", _("SCIM")
    API = "api", _("client of the API")


EVERYTHING = Q(pk__isnull=False)
NOTHING = Q(pk__isnull=True)


class PersonQuerySet(models.QuerySet["Person"]):
    def without_upn_key(self) -> Self:
        """Persons, not Locked, whose UPN equals another person's as Active Directory compares names."""
        return self.filter(upn_key=None).exclude(upn="").exclude(state=PersonState.LOCKED)

    def without_api_clients(self) -> Self:
        """Human beings: without the actors of clients of the API, which are external persons otherwise."""
        return self.exclude(source=PersonSource.API)

    def holding(self, role: Role, *, unit: str = "") -> Self:
        """Active persons who hold the role today, everywhere or for the unit."""
        day = today()
        return self.filter(
            Q(roles__valid_from=None) | Q(roles__valid_from__lte=day),
            Q(roles__valid_until=None) | Q(roles__valid_until__gte=day),
            state=PersonState.ACTIVE,
            roles__role=role,
            roles__organisational_unit__in={"", unit},
        ).distinct()

    def matching(self, text: str, **equal: str) -> Self:
        """Persons with every word of the text in their name, personnel number, e-mail or department.

        equal: their state, department or organisational_unit, so that an index can look for all at once.
        """
        return person_search.matching(self, text, equal)

    def matching_in_parts(self, text: str, **equal: str) -> list[Self]:
        """The same in parts without a common row, the nearest to the text first."""
        return person_search.in_parts(self, text, equal)

    def with_order(self, text: str = "") -> Self:
        """With by_name, and with relevance to the text: the smaller, the nearer (person_search)."""
        return person_search.with_order(self, text)


def field_name(name: str) -> "StrOrPromise":
    """Label of a field of persons, within a sentence; the name itself if there is no such field."""
    names = {field.name: field.verbose_name for field in Person._meta.concrete_fields}
    return names.get(name, name)


def field_label(name: str) -> "StrOrPromise":
    """The same as a label."""
    return capfirst(field_name(name))


class Person(Stateful):
    """A person, as the directory knows them. Roles belong to the person; an account is how they sign in.

    E-mail, UPN and SID decide what a certificate says, so they belong to the directory.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    personnel_number = models.CharField(_("personnel number"), max_length=64, unique=True)
    given_name = models.CharField(_("given name"), max_length=200)
    surname = models.CharField(_("surname"), max_length=200)
    display_name = models.CharField(_("display name"), max_length=400)
    email = models.CharField(_("e-mail"), max_length=254, blank=True)
    upn = models.CharField(_("user principal name"), max_length=254, blank=True)
    upn_key = UpnKeyField(max_length=64, null=True, unique=True, editable=False)
    sid = models.CharField(_("security identifier"), max_length=184, blank=True)
    department = models.CharField(_("department"), max_length=200, blank=True)
    organisational_unit = models.CharField(_("organisational unit"), max_length=200, blank=True)
    manager = models.ForeignKey(
        "self", verbose_name=_("manager"), null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    kind = models.CharField(_("kind"), max_length=16, choices=PersonKind, default=PersonKind.EMPLOYEE)
    language = models.CharField(_("language"), max_length=8, choices=languages, default=own_language)
    time_zone = models.CharField(_("time zone"), max_length=64, default=settings.TIME_ZONE)
    source = models.CharField(_("source"), max_length=16, choices=PersonSource, default=PersonSource.MANUAL)
    external_id = models.CharField(_("external id"), max_length=200, blank=True)
    # By hand or by a file: that officer decides nothing for the person (people.vouching).
    entered_by = models.ForeignKey(
        "self", null=True, editable=False, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    state = StateField(
        _("state"), max_length=16, choices=PersonState.choices, default=PersonState.REGISTERED, protected=True
    )
    search_text = models.TextField(editable=False, default="")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)  # what was written since is compared

    roles: "RelatedManager[RoleAssignment]"
    api_client: Any  # ApiClient, which imports this module
    objects = PersonQuerySet.as_manager()

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("persons")
        constraints = [
            state_constraint(PersonState, "person_state"),
            models.CheckConstraint(condition=Q(kind__in=PersonKind.values), name="person_kind"),
            models.UniqueConstraint(
                Lower("email"), condition=~Q(email="") & ~Q(state="locked"), name="person_email_once"
            ),
            models.UniqueConstraint(
                Lower("upn"), condition=~Q(upn="") & ~Q(state="locked"), name="person_upn_once"
            ),
            models.UniqueConstraint(
                F("sid"), condition=~Q(sid="") & ~Q(state="locked"), name="person_sid_once"
            ),
        ]
        indexes = [
            models.Index(name_order.BY_NAME, name="person_by_order"),
            models.Index(fields=["state", "surname", "given_name"], name="person_state_name"),
            models.Index("kind", name_order.BY_NAME, name="person_by_name"),
            models.Index("kind", "department", name_order.BY_NAME, name="person_by_department"),
            models.Index("kind", "organisational_unit", name_order.BY_NAME, name="person_by_unit"),
            models.Index(
                "kind", "department", "organisational_unit", name_order.BY_NAME, name="person_by_place"
            ),
            models.Index("kind", "state", name_order.BY_NAME, name="person_by_state"),
            models.Index("kind", "email", name="person_by_email"),
            models.Index(fields=["given_name"], name="person_by_given_name"),
            models.Index(fields=["department"], name="person_department"),
            models.Index(fields=["organisational_unit"], name="person_unit"),
            models.Index(fields=["entered_by"], name="person_entered_by"),
            models.Index(fields=["updated_at", "id"], name="person_written"),
        ]

    def __str__(self) -> str:
        return self.display_name

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.search_text = self.compose_search_text()
        if kwargs.get("update_fields") is not None:
            kwargs["update_fields"] = {*kwargs["update_fields"], "search_text", "upn_key", "updated_at"}
        super().save(*args, **kwargs)

    def compare_upn(self) -> None:
        """Set the UPN's comparison key; saving raises IntegrityError if another living person has it."""
        claim(self)

    def compose_search_text(self) -> str:
        """The folded text that SEARCH matches and sorts by: names, number, e-mail, department."""
        return person_search.text_of(self)

    @property
    def zone(self) -> tzinfo:
        """The person's time zone; the installation's, if this machine's time zone data lack it."""
        try:
            return zoneinfo.ZoneInfo(self.time_zone)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError):
            return timezone.get_default_timezone()

    @property
    def is_active(self) -> bool:
        return bool(self.state == PersonState.ACTIVE)

    @property
    def is_on_leave(self) -> bool:
        return bool(self.state == PersonState.INACTIVE)

    @property
    def is_api_client(self) -> bool:
        """Whether this row is the actor of an API client, not a human being."""
        return bool(self.source == PersonSource.API)

    @cached_property
    def client_makers(self) -> frozenset[uuid.UUID]:
        """The officers who made and confirmed this API client, and who count as requesters of its requests.

        Empty, without a query, for a human being.
        """
        if not self.is_api_client:
            return frozenset()
        client = self.api_client
        return frozenset(filter(None, (client.asked_by_id, client.decided_by_id)))

    def know_roles(self, roles: "list[RoleAssignment]") -> None:
        """Set the prefetch cache of roles.all() to these, which are all of the person's."""
        set_prefetched(self, "roles", roles)

    def roles_in_force(self) -> "list[RoleAssignment]":
        """The roles that the person may use today."""
        day = today()
        return [held for held in prefetched_or_all(self, "roles") if held.is_in_force(day)]

    def has_role(self, role: Role, *, unit: str | None = None) -> bool:
        """Whether the person holds the role today: anywhere (unit None), or everywhere or for that unit."""
        return any(
            held.role == role and (unit is None or held.organisational_unit in ("", unit))
            for held in self.roles_in_force()
        )

    def own_units(self, role: Role) -> set[str]:
        """The units for which the person holds the role today in their own right; empty string: all."""
        held = [each for each in self.roles_in_force() if each.role == role and not each.only_as_deputy]
        return {each.organisational_unit for each in held}

    def reach(self, roles: Iterable[str], unit_path: str) -> Q:
        """Rows that these roles of the person reach today: all, those of their units, or none.

        unit_path: where a row has its organisational unit; empty: only a role for all units reaches it.
        """
        wanted = set(roles)
        units = {held.organisational_unit for held in self.roles_in_force() if held.role in wanted}
        if "" in units:
            return EVERYTHING
        return Q(**{f"{unit_path}__in": units}) if units and unit_path else NOTHING

    @transition(field=state, source=[PersonState.REGISTERED, PersonState.INACTIVE], target=PersonState.ACTIVE)
    def activate(self) -> None:
        """The person works here (again)."""

    @transition(field=state, source=[PersonState.REGISTERED, PersonState.ACTIVE], target=PersonState.INACTIVE)
    def deactivate(self) -> None:
        """The person is on leave: roles are withdrawn, tokens held."""

    @transition(
        field=state,
        source=[PersonState.REGISTERED, PersonState.ACTIVE, PersonState.INACTIVE],
        target=PersonState.LOCKED,
    )
    def lock(self) -> None:
        """The person has left for good."""
