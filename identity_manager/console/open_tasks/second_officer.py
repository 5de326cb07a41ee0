"""Sources of OPEN TASKS for second-officer decisions, one per table of such decisions."""

from collections.abc import Callable
from datetime import datetime
from operator import attrgetter, methodcaller
from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from identity_manager.console.access import batches
from identity_manager.console.lists.columns import Column, Columns
from identity_manager.console.open_tasks import columns
from identity_manager.console.open_tasks.source import LONG_AGO, More, Source
from identity_manager.mail.registry import title_of
from identity_manager.models import (
    ApiClient,
    BatchOrder,
    CertificateProfile,
    DirectoryRun,
    IdentityChange,
    Looks,
    MailText,
    Person,
    PersonErasure,
    PersonImport,
    ScimToken,
    SignInCode,
    StandingOrder,
    StandingState,
    TargetUse,
    TermsDraft,
    TokenType,
    Webhook,
)
from identity_manager.models.second_officer import SecondOfficerDecision, SecondOfficerQuerySet
from identity_manager.ui import cells
from identity_manager.ui.parts import Meaning
from identity_manager.workflow.people import sign_in_code_policy

Rows = Callable[[Person, datetime], QuerySet[Any]]


def to_decide(
    kind: type[SecondOfficerDecision],
    *,
    name: str,
    title: str | Promise,
    columns: Columns,
    sentence: Callable[[int], str],
    rows: Rows | None = None,
    **more: Any,
) -> Source:
    """The source of what the DECIDER of this kind decides on; rows: another query than decidable_by alone.

    more: what else a Source has.
    """
    return Source(
        name=name,
        title=title,
        roles=frozenset({kind.DECIDER}),
        waiting=rows or _decidable(kind),
        columns=columns,
        sentence=sentence,
        **{"any_waiting": (_any_of(kind),), **more},
    )


def _any_of(kind: type[SecondOfficerDecision]) -> Callable[[], QuerySet[Any]]:
    return lambda: kind._default_manager.filter(kind.waiting_condition(LONG_AGO))


def _decidable(kind: type[SecondOfficerDecision]) -> Rows:
    related = [name for name in ("person", "document", "asked_by", "source", "target") if hasattr(kind, name)]

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


def _orders(actor: Person, now: datetime) -> QuerySet[BatchOrder]:
    return BatchOrder.objects.decidable_by(actor, now).select_related("asked_by").defer("chosen")


def _stopped_orders(actor: Person, _now: datetime) -> QuerySet[StandingOrder]:
    rows = StandingOrder.objects.filter(state=StandingState.STOPPED).order_by("asked_at", "pk")
    return rows.filter(StandingOrder.office_condition(actor))


def _standing_orders(actor: Person, now: datetime) -> QuerySet[StandingOrder]:
    """With what their token types are called (type_name), if those are still active."""
    types = TokenType.objects.active().filter(code=OuterRef("type_code")).values("name")[:1]
    rows = StandingOrder.objects.decidable_by(actor, now).select_related("asked_by")
    return rows.annotate(type_name=Subquery(types))


def _looks(actor: Person, now: datetime) -> QuerySet[Looks]:
    return Looks.objects.decidable_by(actor, now).select_related("asked_by").without_logo()


def _looks_page(_row: Looks) -> str:
    return reverse("console:looks")


def _page(view: str, key: str = "pk") -> columns.Address:
    return lambda row: reverse(f"console:{view}", args=[getattr(row, key)])


_CODE, _CHANGE, _IMPORT = _page("sign-in-code"), _page("identity-change"), _page("import")
_TYPE, _PROFILE, _TERMS = _page("token-type"), _page("profile"), _page("terms-document", "document_id")
_RUN = _page("directory-run")
_SCIM = _page("scim-client-confirm")
_API = _page("api-client-confirm")
_USE = _page("target-use-confirm")
_WEBHOOK = _page("webhook")
_ERASURE = _page("person-erase", "person_id")
_ORDER = _page("batch-order")
_STANDING = _page("standing-order")


def _mail_text(row: MailText) -> str:
    return reverse("console:mail-text", args=[row.message, row.language])


def _called(row: MailText) -> str:
    return f"{title_of(row.message)} ({row.language})"


def _failing_texts(_actor: Person, _now: datetime) -> QuerySet[MailText]:
    return MailText.objects.failing()


_CHANGES = Column("changes", _("Changes"), str, width="column-wide")
SOURCES = (
    to_decide(
        SignInCode,
        name="codes-to-confirm",
        title=_("Sign-in codes to confirm"),
        columns=columns.to_decide(columns.person(_CODE), _CODE),
        sentence=lambda number: ngettext(
            "sign-in code waits for your confirmation", "sign-in codes wait for your confirmation", number
        ),
    ),
    Source(
        name="codes-to-make",
        title=_("Sign-in codes that you can make now"),
        roles=frozenset({SignInCode.DECIDER}),
        waiting=sign_in_code_policy.makeable_by,
        any_waiting=(lambda: SignInCode.objects.filter(made_at=None, used_at=None, withdrawn_at=None),),
        columns=columns.table(
            columns.person(_CODE),
            Column("confirmed_by", _("Confirmed by"), lambda row: cells.isolate(row.decided_by or "–")),
            columns.action(_("Make the code"), _CODE),
        ),
        sentence=lambda number: ngettext("sign-in code can be made", "sign-in codes can be made", number),
    ),
    to_decide(
        IdentityChange,
        name="identity-changes",
        title=_("Changes of identity to confirm"),
        columns=columns.to_decide(columns.person(_CHANGE), _CHANGE, _CHANGES),
        sentence=lambda number: ngettext(
            "change of identity waits for your confirmation",
            "changes of identity wait for your confirmation",
            number,
        ),
        rows=_single_changes,
        more=More(_("Decide on several at once"), "console:identity-changes", beyond=1),
    ),
    to_decide(
        PersonImport,
        name="imports",
        title=_("Imports to confirm"),
        columns=columns.to_decide(columns.name(_("File"), _IMPORT, named=attrgetter("file_name")), _IMPORT),
        sentence=lambda number: ngettext(
            "import waits for your confirmation", "imports wait for your confirmation", number
        ),
        rows=_imports,
        also=(_imports_with_identities,),
        any_waiting=(_any_of(PersonImport), _any_of(IdentityChange)),
    ),
    Source(
        name="batch-orders-to-confirm",
        title=_("Batch orders to confirm"),
        roles=frozenset(batches.GIVERS),
        waiting=_orders,
        any_waiting=(_any_of(BatchOrder),),
        columns=columns.to_decide(
            columns.name(_("Batch order"), _ORDER, named=attrgetter("reference")),
            _ORDER,
            Column("kind", _("What"), methodcaller("get_kind_display")),
        ),
        sentence=lambda number: ngettext(
            "batch order waits for your confirmation", "batch orders wait for your confirmation", number
        ),
    ),
    to_decide(
        DirectoryRun,
        name="directory-runs",
        title=_("Stopped directory runs"),
        columns=columns.table(
            columns.name(_("Directory"), _RUN, named=attrgetter("source.name")),
            Column("why", _("Persons who would leave"), attrgetter("leaving")),
            columns.action(columns.DECIDE, _RUN),
        ),
        sentence=lambda number: ngettext(
            "directory run was stopped and waits for you",
            "directory runs were stopped and wait for you",
            number,
        ),
    ),
    to_decide(
        StandingOrder,
        name="standing-orders",
        title=_("Standing orders to put in force"),
        columns=columns.to_decide(
            columns.name(_("Standing order"), _STANDING, named=attrgetter("name")),
            _STANDING,
            Column("type", _("Token type"), lambda row: str(row.type_name or row.type_code)),
        ),
        rows=_standing_orders,
        sentence=lambda number: ngettext(
            "standing order waits for your confirmation", "standing orders wait for your confirmation", number
        ),
    ),
    Source(
        name="standing-orders-stopped",
        title=_("Stopped standing orders"),
        roles=frozenset({StandingOrder.DECIDER}),
        waiting=_stopped_orders,
        any_waiting=(lambda: StandingOrder.objects.filter(state=StandingState.STOPPED),),
        columns=columns.table(
            columns.name(_("Standing order"), _STANDING, named=attrgetter("name")),
            columns.action(_("Look at it"), _STANDING),
        ),
        sentence=lambda number: ngettext(
            "standing order was stopped", "standing orders were stopped", number
        ),
    ),
    to_decide(
        TokenType,
        name="types-to-activate",
        title=_("Token types to activate"),
        columns=columns.to_decide(columns.version(_("Token type"), _TYPE), _TYPE),
        sentence=lambda number: ngettext(
            "token type waits to be activated", "token types wait to be activated", number
        ),
    ),
    to_decide(
        CertificateProfile,
        name="profiles-to-activate",
        title=_("Certificate profiles to activate"),
        columns=columns.to_decide(columns.version(_("Certificate profile"), _PROFILE), _PROFILE),
        sentence=lambda number: ngettext(
            "certificate profile waits to be activated", "certificate profiles wait to be activated", number
        ),
    ),
    to_decide(
        TermsDraft,
        name="terms-to-publish",
        title=_("Terms to publish"),
        columns=columns.to_decide(columns.name(_("Terms"), _TERMS), _TERMS),
        sentence=lambda number: ngettext(
            "version of terms waits to be published", "versions of terms wait to be published", number
        ),
    ),
    to_decide(
        Looks,
        name="looks-to-activate",
        title=_("Looks to activate"),
        columns=columns.to_decide(columns.name(_("Looks"), _looks_page), _looks_page),
        sentence=lambda number: ngettext(
            "version of the looks waits to be activated", "versions of the looks wait to be activated", number
        ),
        rows=_looks,
    ),
    to_decide(
        MailText,
        name="mail-texts-to-activate",
        title=_("Mail texts to activate"),
        columns=columns.to_decide(columns.name(_("Mail text"), _mail_text, named=_called), _mail_text),
        sentence=lambda number: ngettext(
            "mail text waits to be activated", "mail texts wait to be activated", number
        ),
    ),
    Source(
        name="mail-texts-failing",
        title=_("Mail texts that fail"),
        roles=frozenset({MailText.DECIDER}),
        waiting=_failing_texts,
        any_waiting=(MailText.objects.failing,),
        columns=columns.table(
            columns.name(_("Mail text"), _mail_text, named=_called),
            Column("failure", _("What was wrong"), attrgetter("failure"), width="column-wide"),
            columns.action(_("Look at it"), _mail_text),
        ),
        lead=_("Mails were made of them that could not go out so: they went with the text of the product."),
        sentence=lambda number: ngettext("mail text fails", "mail texts fail", number),
        meaning=Meaning.STOPPED,
    ),
    to_decide(
        PersonErasure,
        name="erasures-to-confirm",
        title=_("Erasures to confirm"),
        columns=columns.to_decide(columns.person(_ERASURE), _ERASURE),
        sentence=lambda number: ngettext(
            "erasure waits for your confirmation", "erasures wait for your confirmation", number
        ),
    ),
    to_decide(
        ScimToken,
        name="scim-clients",
        title=_("SCIM clients to confirm"),
        columns=columns.to_decide(columns.name(_("Client"), _SCIM, named=attrgetter("name")), _SCIM),
        sentence=lambda number: ngettext(
            "SCIM client waits for your confirmation", "SCIM clients wait for your confirmation", number
        ),
    ),
    to_decide(
        TargetUse,
        name="target-uses",
        title=_("Targets to switch on"),
        columns=columns.to_decide(columns.name(_("Target"), _USE, named=str), _USE),
        sentence=lambda number: ngettext(
            "target waits to be switched on for a token type",
            "targets wait to be switched on for token types",
            number,
        ),
    ),
    to_decide(
        ApiClient,
        name="api-clients",
        title=_("Clients of the API to confirm"),
        columns=columns.to_decide(columns.name(_("Client"), _API, named=attrgetter("name")), _API),
        sentence=lambda number: ngettext(
            "client of the API waits for your confirmation",
            "clients of the API wait for your confirmation",
            number,
        ),
    ),
    to_decide(
        Webhook,
        name="webhooks",
        title=_("Webhooks to confirm"),
        columns=columns.to_decide(columns.name(_("Webhook"), _WEBHOOK, named=attrgetter("name")), _WEBHOOK),
        sentence=lambda number: ngettext(
            "webhook waits for your confirmation", "webhooks wait for your confirmation", number
        ),
    ),
)
