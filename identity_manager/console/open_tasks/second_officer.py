"""What waits for a second officer, as sources of OPEN TASKS: one for each table of such decisions."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from identity_manager.console.open_tasks.source import Source
from identity_manager.models import (
    CertificateProfile,
    IdentityChange,
    Person,
    PersonErasure,
    PersonImport,
    SignInCode,
    TermsDraft,
    TokenType,
)
from identity_manager.models.second_officer import SecondOfficerDecision, SecondOfficerQuerySet
from identity_manager.workflow.people import sign_in_code_policy

Rows = Callable[[Person, datetime], QuerySet[Any]]
TEMPLATES = "identity_manager/open_tasks"


def to_decide(
    kind: type[SecondOfficerDecision],
    *,
    name: str,
    title: str | Promise,
    sentence: Callable[[int], str],
    rows: Rows | None = None,
    also: tuple[Rows, ...] = (),
) -> Source:
    """The source of what the DECIDER of this kind decides on; rows: another query than decidable_by alone."""
    return Source(
        name=name,
        title=title,
        roles=frozenset({kind.DECIDER}),
        waiting=rows or _decidable(kind),
        template=f"{TEMPLATES}/{name.replace('-', '_')}.html",
        sentence=sentence,
        also=also,
    )


def _decidable(kind: type[SecondOfficerDecision]) -> Rows:
    related = [name for name in ("person", "document", "asked_by") if hasattr(kind, name)]

    def rows(actor: Person, now: datetime) -> QuerySet[Any]:
        return SecondOfficerQuerySet(kind).decidable_by(actor, now).select_related(*related)

    return rows


def _imports(actor: Person, now: datetime) -> QuerySet[PersonImport]:
    return PersonImport.objects.decidable_by(actor, now).select_related("asked_by").defer("content")


def _imports_with_identities(actor: Person, now: datetime) -> QuerySet[PersonImport]:
    rows = PersonImport.objects.with_identities_for(actor, now)
    return rows.select_related("asked_by").defer("content")


def _single_changes(actor: Person, now: datetime) -> QuerySet[IdentityChange]:
    return IdentityChange.objects.decidable_by(actor, now).listed().select_related("person", "asked_by")


SOURCES = (
    to_decide(
        SignInCode,
        name="codes-to-confirm",
        title=_("Sign-in codes to confirm"),
        sentence=lambda number: ngettext(
            "sign-in code waits for your confirmation", "sign-in codes wait for your confirmation", number
        ),
    ),
    Source(
        name="codes-to-make",
        title=_("Sign-in codes that you can make now"),
        roles=frozenset({SignInCode.DECIDER}),
        waiting=sign_in_code_policy.makeable_by,
        template=f"{TEMPLATES}/codes_to_make.html",
        sentence=lambda number: ngettext("sign-in code can be made", "sign-in codes can be made", number),
    ),
    to_decide(
        IdentityChange,
        name="identity-changes",
        title=_("Changes of identity to confirm"),
        sentence=lambda number: ngettext(
            "change of identity waits for your confirmation",
            "changes of identity wait for your confirmation",
            number,
        ),
        rows=_single_changes,
    ),
    to_decide(
        PersonImport,
        name="imports",
        title=_("Imports to confirm"),
        sentence=lambda number: ngettext(
            "import waits for your confirmation", "imports wait for your confirmation", number
        ),
        rows=_imports,
        also=(_imports_with_identities,),
    ),
    to_decide(
        TokenType,
        name="types-to-activate",
        title=_("Token types to activate"),
        sentence=lambda number: ngettext(
            "token type waits to be activated", "token types wait to be activated", number
        ),
    ),
    to_decide(
        CertificateProfile,
        name="profiles-to-activate",
        title=_("Certificate profiles to activate"),
        sentence=lambda number: ngettext(
            "certificate profile waits to be activated", "certificate profiles wait to be activated", number
        ),
    ),
    to_decide(
        TermsDraft,
        name="terms-to-publish",
        title=_("Terms to publish"),
        sentence=lambda number: ngettext(
            "version of terms waits to be published", "versions of terms wait to be published", number
        ),
    ),
    to_decide(
        PersonErasure,
        name="erasures-to-confirm",
        title=_("Erasures to confirm"),
        sentence=lambda number: ngettext(
            "erasure waits for your confirmation", "erasures wait for your confirmation", number
        ),
    ),
)
