"""The first set-up: its steps, each done if the rows it needs exist; no stored progress that could differ."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import Exists, QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from ca_bridge.connection import registry
from identity_manager.account import sign_in_methods
from identity_manager.catalogue import permission
from identity_manager.console.start.figures import Figure
from identity_manager.models import (
    CaCheck,
    CertificateProfile,
    Looks,
    MailState,
    OutgoingMail,
    Person,
    RequestState,
    Role,
    RoleAssignment,
    TermsVersion,
    TokenRequest,
    TokenType,
)
from identity_manager.models.words import Words
from identity_manager.ui.parts import Meaning


@dataclass(frozen=True)
class SetUpStep:
    """One step. needs: names of the queries that must find a row. optional: not needed everywhere.

    url_name: the page for it; empty if System Administrators have none.
    """

    title: Words
    why: Words
    done: Words
    to_do: Words
    url_name: str
    action: Words
    document: str
    needs: tuple[str, ...]
    optional: bool = False

    @property
    def url(self) -> str:
        return reverse(self.url_name) if self.url_name else ""

    @property
    def help_url(self) -> str:
        return reverse("console:document", args=[self.document])


STEPS = (
    SetUpStep(
        _("Certificate authority"),
        _("It signs every certificate. Without it nothing is issued."),
        _("A certificate authority answers."),
        _("Make the embedded one, or name yours in CA_CONNECTORS; then test the connection."),
        "console:authorities",
        _("Certificate authorities"),
        "how-to/connect-a-ca",
        ("authority",),
    ),
    SetUpStep(
        _("Mail"),
        _("Persons and officers learn by mail what waits for them, and the file of a token comes by mail."),
        _("Mail goes out."),
        _("No mail has gone out yet. Set the mail server and MAIL_FROM; the first mail to anybody shows it."),
        "console:outbox",
        _("Outbox"),
        "how-to/mail",
        ("mail",),
    ),
    SetUpStep(
        _("Officers"),
        _("Nobody decides alone: what one officer sets up or asks for, another one confirms or approves."),
        _("A second System Administrator, a Software Token Administrator and an Approver are there."),
        _(
            "A second System Administrator, a Software Token Administrator and an Approver are needed. A"
            " User Administrator gives the roles."
        ),
        "",
        "",
        "how-to/first-officers",
        ("second administrator", "token administrator", "approver"),
    ),
    SetUpStep(
        _("Sign-in"),
        _("Persons sign in to Self-Service to accept the terms and to see their passphrase."),
        _("Persons have a way to sign in."),
        _("Set SIGN_IN_METHODS_SELFSERVICE in the configuration, and what the chosen way needs."),
        "",
        "",
        "how-to/single-sign-on",
        ("sign-in",),
    ),
    SetUpStep(
        _("Persons"),
        _("A software token is always given to a person who is known here."),
        _("Persons are there."),
        _("Connect a directory, import a file, or have a Registration Officer enter somebody."),
        "console:directories",
        _("Directories"),
        "how-to/directory",
        ("person",),
    ),
    SetUpStep(
        _("Terms"),
        _("Each person accepts them before a certificate is issued."),
        _("A version of the terms is in force."),
        _("Write what persons accept, in each language, and have it published."),
        "console:terms-documents",
        _("Terms"),
        "how-to/terms",
        ("terms",),
    ),
    SetUpStep(
        _("Certificate profile"),
        _("It says what a certificate is for. Token types are made of profiles."),
        _("A certificate profile is in force."),
        _("Say what a certificate holds and who issues it; a preset is a good beginning."),
        "console:profiles",
        _("Certificate profiles"),
        "how-to/token-types",
        ("profile",),
    ),
    SetUpStep(
        _("First token type"),
        _("It is what persons are enabled for, or ask for."),
        _("A token type is in force."),
        _("Make a token type of the profile and the terms, and have it activated."),
        "console:token-types",
        _("Token types"),
        "how-to/token-types",
        ("type",),
    ),
    SetUpStep(
        _("First token"),
        _("One token from the request to the file shows that everything works together."),
        _("Somebody has a software token."),
        _("Have a Software Token Administrator enable somebody, and follow it to the end."),
        "",
        "",
        "tutorial/first-token",
        ("token",),
    ),
    SetUpStep(
        _("Looks"),
        _("Persons trust pages and mails that they recognise."),
        _("Pages and mails look as your company wants it."),
        _("Give the pages your company's name, logo and colour, if you want."),
        "console:looks",
        _("Looks"),
        "how-to/looks",
        ("looks",),
        optional=True,
    ),
)


def context(actor: Person) -> dict[str, Any]:
    """The page: each step with whether it is done, by one query."""
    rows = _rows(actor)
    asked = [Exists(each) for each in rows.values()]
    found = Person.objects.filter(pk=actor.pk).values_list(*asked).get()
    lines = _lines(dict(zip(rows, found, strict=True)))
    open_ones = _open_ones(lines)
    return {
        "lines": lines,
        "next_step": open_ones[0] if open_ones else None,
        "number_open": len(open_ones),
    }


def figures(actor: Person) -> dict[str, Figure]:
    """Figures for START, counted together with its others; none for officers who cannot set anything up."""
    if not permission.is_system_administrator(actor):
        return {}
    return {
        name: Figure(lambda _number: "", "", Meaning.QUIET, _first(rows))
        for name, rows in _rows(actor).items()
    }


def number_open(counted: Mapping[str, Figure]) -> int:
    """Number of open steps, from the figures that START has counted."""
    there = {name: bool(figure.number) for name, figure in counted.items()}
    return len(_open_ones(_lines(there))) if there else 0


def _lines(there: Mapping[str, bool]) -> list[tuple[SetUpStep, bool]]:
    offered = sign_in_methods.configured(settings.SIGN_IN_METHODS["selfservice"])
    known = {**there, "sign-in": bool(list(offered))}
    return [(step, all(known[name] for name in step.needs)) for step in STEPS]


def _open_ones(lines: Iterable[tuple[SetUpStep, bool]]) -> list[SetUpStep]:
    return [step for step, done in lines if not done and not step.optional]


def _rows(actor: Person) -> dict[str, QuerySet[Any]]:
    """Querysets of the required rows, by name."""
    others = Person.objects.exclude(pk=actor.pk)
    rows: dict[str, QuerySet[Any]] = {
        "authority": CaCheck.objects.filter(alias__in=registry.aliases(), ok=True),
        "mail": OutgoingMail.objects.filter(state=MailState.SENT),
        "second administrator": others.holding(Role.SYSTEM_ADMINISTRATOR, unit=""),
        "token administrator": RoleAssignment.objects.filter(role=Role.TOKEN_ADMINISTRATOR),
        "approver": RoleAssignment.objects.filter(role=Role.APPROVER),
        "person": RoleAssignment.objects.filter(role=Role.SELF_SERVICE_USER),
        "terms": TermsVersion.objects.filter(is_current=True),
        "profile": CertificateProfile.objects.active(),
        "type": TokenType.objects.active(),
        "looks": Looks.objects.active(),
        "token": TokenRequest.objects.filter(state=RequestState.COMPLETED),
    }
    return {name: each.order_by() for name, each in rows.items()}


def _first(rows: QuerySet[Any]) -> Callable[[], QuerySet[Any]]:
    """At most one row, because only its existence counts."""
    return lambda: rows.model._default_manager.filter(pk__in=rows.values("pk")[:1])
