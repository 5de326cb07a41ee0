"""Rules of a few columns that stand in SQL and in Python: each pair says the same of every state of one row.

test_rules_agree.py has the large models, test_each_rule_is_compared.py the rules that are asked in SQL alone.
"""

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from operator import attrgetter
from typing import Any

import pytest
from django.apps import apps
from django.db import IntegrityError, models, transaction
from django.db.models import F
from django.db.models.expressions import Col
from django.db.models.sql.where import WhereNode
from django.utils import timezone
from pytest_django import Settings

from ca_bridge.models import CaOrder, SurplusCertificate
from identity_manager.models import (
    ApiClient,
    ArchivedKey,
    ArchiveExport,
    AuditEvent,
    BatchOrder,
    BatchState,
    CaComparison,
    CaFinding,
    CaOutage,
    Certificate,
    ComparisonStep,
    DeliveryProblem,
    DeliveryState,
    Deputy,
    FindingState,
    IdentityChange,
    ImportState,
    InstallationNotice,
    JobRun,
    MailFault,
    MailState,
    MailText,
    OutgoingMail,
    Person,
    PersonImport,
    PersonSource,
    PersonState,
    Placement,
    PlacementState,
    Postponement,
    Recertification,
    RecoveryCertificate,
    RecoveryCertificateState,
    RecoveryDrill,
    ReviewDecision,
    Role,
    RoleAssignment,
    RoleReview,
    ShareRound,
    ShareRoundState,
    Target,
    TargetUse,
    TermsDocument,
    TermsNotice,
    TokenState,
    VersionState,
    Webhook,
)
from identity_manager.models.archive.archive_export import GOOD_FOR
from identity_manager.models.archive.archived_key import with_copies
from identity_manager.models.events.webhook import BREAK_AFTER
from identity_manager.models.operation.job_run import SLACK
from identity_manager.models.people.role import today
from identity_manager.models.second_officer import ConsentState
from identity_manager.people.api_access import api_clients
from identity_manager.people.imports import identities
from identity_manager.people.officers import recertification
from identity_manager.workflow.archive import recovery_certificate_policy
from tests.identity_manager.models.test_rules_agree import PAST, TIMES, YES_NO, combined
from tests.tools import cast, recovery

pytestmark = [pytest.mark.django_db, pytest.mark.database]
NOW = timezone.now()
OURS, THEIRS = uuid.UUID(int=1), uuid.UUID(int=2)
DAYS = tuple(today() + timedelta(days=number) for number in (-1, 0, 1))


@dataclass(frozen=True)
class Twins:
    """One rule of a model: sql and python, over all values of the columns that it reads.

    row: makes the row that gets these values, one after the other. columns: its own, or of rows to which it
    refers, as in `token__state`.
    """

    row: Callable[[], models.Model]
    sql: Callable[[Any], Any]
    python: Callable[[Any], bool]
    columns: Mapping[str, Iterable[Any]] = field(default_factory=dict)


class Each:
    """Values that are made in the database when a test walks them; None as the first."""

    def __init__(self, *makers: Callable[[], Any]) -> None:
        self.makers = makers

    def __iter__(self) -> Iterator[Any]:
        return iter((None, *(make() for make in self.makers)))


def person(name: str) -> Callable[[], Person]:
    """The person of that name, who is in the database."""
    return lambda: Person.objects.get(personnel_number=f"P-{name}")


ada, paul, rene, rosa = map(person, ("ada", "paul", "rene", "rosa"))


def officers() -> tuple[Person, Person]:
    return cast.person("ada", sid=""), cast.person("paul", sid="")


def api_client() -> ApiClient:
    makers = [cast.person(name, roles=(Role.SYSTEM_ADMINISTRATOR,), sid="") for name in ("sven", "sofia")]
    wanted = api_clients.ApiClientInput(name="HR", days=30, scopes=["persons:read"])
    client, _secret = api_clients.make(actor=makers[0], wanted=wanted)
    return api_clients.confirm(actor=makers[1], client_id=client.pk)


def deputy() -> Deputy:
    ada, paul = officers()
    return Deputy.objects.create(
        principal=ada, deputy=paul, valid_from=DAYS[0], valid_until=DAYS[-1], assigned_by=ada
    )


def batch_order() -> BatchOrder:
    return BatchOrder.objects.create(asked_by=officers()[0], source="search", total=1)


def webhook() -> Webhook:
    ada, paul = officers()
    return Webhook.objects.create(
        name="W",
        format="standard",
        shown_address="https://hooks.example.com",
        address_wrapped=b"wrapped",
        secret_wrapped=b"wrapped",
        asked_by=ada,
        decided_by=paul,
    )


def target_use() -> TargetUse:
    ada, paul = officers()
    target = apps.get_model("identity_manager", "Target").objects.create(name="directory")
    return TargetUse.objects.create(target=target, type_code="vpn", asked_by=ada, decided_by=paul)


def recovery_drill() -> RecoveryDrill:
    certificate = recovery.in_force(recovery.officers())
    ada, paul = officers()
    return RecoveryDrill.objects.create(certificate=certificate, asked_by=ada, decided_by=paul)


def mail() -> OutgoingMail:
    cast.Company().request_in("awaiting_acceptance")
    return OutgoingMail.objects.get()


def ca_order() -> CaOrder:
    return CaOrder.objects.create(
        idempotency_key="o", ca="corporate", csr=b"c", content={}, not_before=NOW, not_after=NOW
    )


def surplus() -> SurplusCertificate:
    return SurplusCertificate.objects.create(order=ca_order(), certificate=b"c", reason="found-later")


def audit_event() -> AuditEvent:
    cast.Company().request_in("awaiting_acceptance")
    return AuditEvent.objects.order_by("pk")[0]


def ca_finding() -> CaFinding:
    return CaFinding.objects.create(
        comparison=ca_comparison(), kind="unknown", issuer="CN=I", serial="1", not_before=NOW, not_after=NOW
    )


def ca_comparison() -> CaComparison:
    return CaComparison.objects.create(alias="corporate", since=NOW)


def share_round() -> ShareRound:
    wrapping = recovery.in_force(recovery.officers()).wrappings.get()
    return ShareRound.objects.create(
        purpose="drill", subject=OURS, number=1, digest="d", wrapping=wrapping, ends_at=NOW
    )


def placement() -> Placement:
    request = cast.Company().request_in("awaiting_acceptance")
    certificate = Certificate.objects.create(token=request.tokens.get(), profile=cast.profile("client"))
    target = Target.objects.create(name="directory")
    return Placement.objects.create(
        target=target, certificate=certificate, place="there", carries_key=True, parcel_wrapped=b"key"
    )


def role() -> RoleAssignment:
    return RoleAssignment.objects.create(person=officers()[0], role=Role.AUDITOR)


def archive_export() -> ArchiveExport:
    asker, decider = officers()
    return ArchiveExport.objects.create(asked_by=asker, decided_by=decider, purpose="move")


def recovery_certificate() -> RecoveryCertificate:
    return recovery.in_force(recovery.officers())


def archived_key() -> ArchivedKey:
    row = placement().certificate
    return ArchivedKey.objects.create(
        owner=row.token.person, certificate=row, public_key_sha256="k", envelope_wrapped=b"sealed"
    )


def role_review() -> RoleReview:
    """Of a role of paul. ada is a User Administrator of the unit Nord."""
    _asker, holder = officers()
    RoleAssignment.objects.create(
        person=ada(), role=Role.USER_ADMINISTRATOR, organisational_unit="Nord", valid_from=None
    )
    held = RoleAssignment.objects.get(person=holder)
    return RoleReview.objects.create(
        campaign=Recertification.objects.create(due_at=NOW),
        person=holder,
        role=held.role,
        assignment_id=held.pk,
        assigned_at=held.assigned_at,
    )


class Held:
    """The key of the role, and one that nobody holds."""

    def __iter__(self) -> Iterator[uuid.UUID]:
        return iter((OURS, RoleAssignment.objects.get(person=paul()).pk))


REVIEW = {
    "decision": ReviewDecision.values,
    "decided_by": Each(ada),
    "campaign__is_open": YES_NO,
    "campaign__ended_at": PAST,
}


def terms_notice() -> TermsNotice:
    """Of somebody who has a token under the terms, and has not accepted their new version."""
    company = cast.Company()
    company.request_in("completed")
    document = TermsDocument.objects.get()
    version = cast.publish_terms(document)
    return TermsNotice.objects.create(
        person=company.uma, document=document, version=version, created_at=NOW, due_at=NOW
    )


def installation_notice() -> InstallationNotice:
    request = cast.Company().request_in("completed")
    return InstallationNotice.objects.create(token=request.tokens.get(), asked_at=NOW)


def postponement() -> Postponement:
    request = cast.Company().request_in("requested")
    return Postponement.objects.create(request=request, round=1, approver=paul(), until=NOW)


def person_import() -> PersonImport:
    """It has brought uma, whose identity nobody has confirmed. ada and paul are Registration Officers."""
    asker, other = officers()
    for officer in (asker, other):
        RoleAssignment.objects.create(person=officer, role=Role.REGISTRATION_OFFICER)
    row = PersonImport.objects.create(file_name="f", sha256="0", asked_by=asker)
    uma = cast.person("uma", sid="")
    IdentityChange.objects.create(person=uma, old={}, new={}, is_entry=True, person_import=row)
    return row


def delivery_problem() -> DeliveryProblem:
    request = cast.Company().request_in("completed")
    return DeliveryProblem.objects.create(token=request.tokens.get(), kind="not-arrived", opened_at=NOW)


POSTPONED = Twins(
    postponement,
    lambda rows: rows.filter(round=F("request__round")).exclude(pk__in=rows.due(NOW)),
    lambda row: row.approver_id in row.request.postponers(NOW),
    {"until": TIMES[1:], "round": (1, 2)},
)
LEASE = {"leased_until": TIMES, "next_attempt_at": (*TIMES, NOW + SLACK)}
TWINS = {
    "LeasedQuerySet.due": Twins(mail, lambda rows: rows.due(NOW), lambda row: row.is_due(NOW), LEASE),
    "JobRunQuerySet.due": Twins(
        lambda: JobRun.objects.create(name="x.y"),
        lambda rows: rows.due(NOW),
        lambda row: row.is_due(NOW),
        LEASE,
    ),
    "LeasedQuerySet.unleased": Twins(
        lambda: JobRun.objects.create(name="x.y"),
        lambda rows: rows.unleased(NOW),
        lambda row: not row.is_leased(NOW),
        LEASE,
    ),
    "ClientCredentialQuerySet.usable": Twins(
        api_client,
        lambda rows: rows.usable(NOW),
        lambda row: row.is_usable(NOW),
        {"state": ConsentState.values, "expires_at": TIMES[1:], "revoked_at": PAST},
    ),
    "DeputyQuerySet.in_force": Twins(
        deputy,
        lambda rows: rows.in_force(today()),
        lambda row: row.is_in_force(today()),
        {"valid_from": DAYS, "valid_until": DAYS, "ended_at": PAST},
    ),
    "DeputyQuerySet.not_over": Twins(
        deputy,
        lambda rows: rows.not_over(today()),
        lambda row: not row.is_over(today()),
        {"valid_from": DAYS, "valid_until": DAYS, "ended_at": PAST},
    ),
    "CaFindingQuerySet.for_officers": Twins(
        ca_finding,
        lambda rows: rows.for_officers(NOW),
        lambda row: row.awaits_decision(NOW) or row.is_by_hand(NOW),
        {"state": FindingState.values, "by_hand_since": PAST, "not_after": TIMES[1:], "closed_at": PAST},
    ),
    "CaComparisonQuerySet.unfinished": Twins(
        ca_comparison,
        lambda rows: rows.unfinished(),
        lambda row: row.is_unfinished,
        {"step": ComparisonStep.values},
    ),
    "ShareRoundQuerySet.overdue": Twins(
        share_round,
        lambda rows: rows.alive().exclude(pk__in=rows.overdue(NOW).values("pk")),
        lambda row: row.may_be_used(NOW),
        {"state": ShareRoundState.values, "ends_at": TIMES[1:]},
    ),
    "PlacementQuerySet.only_copies": Twins(
        placement,
        lambda rows: rows.only_copies(),
        lambda row: row.is_only_copy,
        {
            "parcel_wrapped": (None, b"key"),
            "certificate__token__state": TokenState.values,
            "certificate__token__delivery": DeliveryState.values,
        },
    ),
    "TargetQuerySet.needing_an_officer": Twins(
        placement,
        lambda _rows: Target.objects.needing_an_officer(),
        lambda row: row.is_in_doubt or (row.target.name == "directory" and row.target.last_error != ""),
        {
            "parcel_wrapped": (None,),
            "state": PlacementState.values,
            "target__name": ("directory", "of-yesterday"),
            "target__last_error": ("", "It does not answer."),
        },
    ),
    "OutgoingMailQuerySet.discardable": Twins(
        mail,
        lambda rows: rows.discardable(),
        lambda row: not row.is_notice,
        {
            "message": ("password_set", "account_linked", "invitation"),
            "body_text": ("", "T"),
            "body_html": ("", "H"),
        },
    ),
    "BatchOrderQuerySet.divided": Twins(
        batch_order,
        lambda rows: rows.divided(),
        lambda row: row.is_divided,
        {"state": BatchState.values, "next_attempt_at": TIMES},
    ),
    "BatchOrderQuerySet.held": Twins(
        batch_order,
        lambda rows: rows.held(rows.get().pk, OURS),
        lambda row: row.is_held_by(OURS),
        {"state": BatchState.values, "claim_id": (None, OURS, THEIRS)},
    ),
    "WebhookQuerySet.in_use": Twins(
        webhook,
        lambda rows: rows.in_use(),
        lambda row: row.is_in_use,
        {"state": ConsentState.values, "stopped_at": PAST},
    ),
    "TargetUseQuerySet.in_force": Twins(
        target_use,
        lambda rows: rows.in_force(),
        lambda row: row.is_in_force,
        {"state": ConsentState.values, "ended_at": PAST},
    ),
    "RecoveryDrillQuerySet.to_carry_out": Twins(
        recovery_drill,
        lambda rows: rows.to_carry_out(),
        lambda row: row.is_to_be_carried_out,
        {"state": ConsentState.values, "proved_at": PAST, "failed_at": PAST},
    ),
    "SurplusCertificateQuerySet.for_manual_revocation": Twins(
        surplus,
        lambda rows: rows.for_manual_revocation(NOW),
        lambda row: row.is_for_manual_revocation(NOW),
        {"revoked_at": PAST, "by_hand_since": PAST, "certificate": (b"", b"c"), "not_after": TIMES},
    ),
    "RoleAssignmentQuerySet.in_force": Twins(
        role,
        lambda rows: rows.in_force(today()),
        lambda row: row.is_in_force(today()),
        {"valid_from": (None, *DAYS), "valid_until": (None, *DAYS)},
    ),
    "RoleAssignmentQuerySet.not_ended": Twins(
        role,
        lambda rows: rows.not_ended(today()),
        lambda row: row.has_not_ended(today()),
        {"valid_from": (None, *DAYS), "valid_until": (None, *DAYS)},
    ),
    "RoleAssignmentQuerySet.ended": Twins(
        role,
        lambda rows: rows.ended(today()),
        lambda row: not row.has_not_ended(today()),
        {"valid_from": (None, *DAYS), "valid_until": (None, *DAYS)},
    ),
    "AuditEventQuerySet.sealed": Twins(
        audit_event, lambda rows: rows.sealed(), lambda row: row.is_sealed, {"number": (None, 1_000_000)}
    ),
    "AuditEventQuerySet.unsealed": Twins(
        audit_event,
        lambda rows: rows.unsealed(),
        lambda row: not row.is_sealed,
        {"number": (None, 1_000_000)},
    ),
    "CaComparisonQuerySet.due_again": Twins(
        ca_comparison,
        lambda rows: rows.due_again(NOW),
        lambda row: row.is_due_again(NOW),
        {"step": ComparisonStep.values, "again_at": TIMES},
    ),
    "CaFindingQuerySet.ended": Twins(
        ca_finding,
        lambda rows: rows.ended(NOW),
        lambda row: row.has_ended(NOW),
        {"state": FindingState.values, "not_after": TIMES[1:], "closed_at": PAST},
    ),
    "CaFindingQuerySet.of_orders": Twins(
        ca_finding,
        lambda rows: rows.of_orders(),
        lambda row: row.is_of_order,
        {"state": FindingState.values, "order": Each(ca_order), "closed_at": PAST},
    ),
    "CaOutageQuerySet.open": Twins(
        lambda: CaOutage.objects.create(alias="corporate", since=NOW, last_at=NOW),
        lambda rows: rows.open(),
        lambda row: row.is_open,
        {"opened_at": PAST, "trial_at": PAST},
    ),
    "CaOrderQuerySet.parked": Twins(
        ca_order, lambda rows: rows.parked(), lambda row: row.is_parked, {"parked_at": PAST}
    ),
    "MailTextQuerySet.failing": Twins(
        lambda: MailText.objects.create(code="delivery.de"),
        lambda rows: rows.failing(),
        lambda row: row.is_failing,
        {"state": VersionState.values, "failed_at": PAST},
    ),
    "OutgoingMailQuerySet.in_trouble": Twins(
        mail,
        lambda rows: rows.in_trouble(),
        lambda row: row.is_in_trouble,
        {"state": MailState.values, "fault": ("", MailFault.REFUSED), "last_error": ("", "No.")},
    ),
    "OutgoingMailQuerySet.stuck": Twins(
        mail,
        lambda rows: rows.stuck(),
        lambda row: row.is_stuck,
        {"state": MailState.values, "fault": ("", MailFault.PASSING), "last_error": ("", "No.")},
    ),
    "ArchiveExportQuerySet.usable": Twins(
        archive_export,
        lambda rows: rows.usable(NOW),
        lambda row: row.is_usable(NOW),
        {
            "state": ConsentState.values,
            "decided_at": (None, NOW - GOOD_FOR, NOW - GOOD_FOR / 2, NOW),
            "done_at": PAST,
        },
    ),
    "RecoveryCertificateQuerySet.in_force": Twins(
        recovery_certificate,
        lambda rows: rows.in_force(NOW),
        lambda row: row.is_in_force(NOW),
        {"state": RecoveryCertificateState.values, "not_after": TIMES[1:]},
    ),
    "RecoveryCertificateQuerySet.waiting_for": Twins(
        recovery_certificate,
        lambda rows: rows.waiting_for(rene()),
        lambda row: (
            row.state == RecoveryCertificateState.IMPORTED
            and recovery_certificate_policy.confirmation_obstacle(rene(), row) is None
        ),
        {
            "state": RecoveryCertificateState.values,
            "imported_by": Each(rene, rosa),
            "first_by": Each(rene, rosa),
            "second_by": (None,),
        },
    ),
    "with_copies": Twins(
        archived_key,
        lambda _rows: with_copies(Certificate.objects.all()).filter(copy_is_kept=True),
        lambda _row: Certificate.objects.get().copy_is_kept,
        {"certificate": Each(Certificate.objects.get)},
    ),
    "ShareRoundQuerySet.alive": Twins(
        share_round,
        lambda rows: rows.alive(),
        lambda row: row.may_be_used(NOW - timedelta(days=2)),
        {"state": ShareRoundState.values, "ends_at": TIMES[1:]},
    ),
    "TargetUseQuerySet.open": Twins(
        target_use,
        lambda rows: rows.open(),
        lambda row: row.is_open,
        {"state": ConsentState.values, "ended_at": PAST},
    ),
    "TargetQuerySet.down": Twins(
        lambda: Target.objects.create(name="directory"),
        lambda rows: rows.down(),
        lambda row: row.is_down,
        {"name": ("directory", "of-yesterday"), "last_error": ("", "It does not answer.")},
    ),
    "WebhookQuerySet.idle": Twins(
        webhook,
        lambda rows: rows.idle(NOW),
        lambda row: row.next_attempt_at is None or (row.next_attempt_at > NOW and not row.rests),
        {"next_attempt_at": TIMES, "failures": (0, BREAK_AFTER - 1, BREAK_AFTER)},
    ),
    "RoleReviewQuerySet.undecided": Twins(
        role_review, lambda rows: rows.undecided(), lambda row: row.is_undecided, REVIEW
    ),
    "RoleReviewQuerySet.decidable_by": Twins(
        role_review,
        lambda rows: rows.decidable_by(ada()),
        lambda row: recertification.answer_obstacle(actor=ada(), review=row) is None,
        {
            **REVIEW,
            "person__organisational_unit": ("Nord", "Ost"),
            "organisational_unit": ("", "Nord", "Ost"),
            "assignment_id": Held(),
        },
    ),
    "TermsNoticeQuerySet.late": Twins(
        terms_notice, lambda rows: rows.late(NOW), lambda row: row.is_late(NOW), {"due_at": TIMES[1:]}
    ),
    "InstallationNoticeQuerySet.to_be_revoked": Twins(
        installation_notice,
        lambda rows: rows.to_be_revoked(NOW),
        lambda row: row.is_to_be_revoked(NOW),
        {
            "ended_at": PAST,
            "revoke_at": TIMES,
            "token__state": TokenState.values,
            "token__person__state": PersonState.values,
        },
    ),
    "DeliveryProblemQuerySet.open": Twins(
        delivery_problem,
        lambda rows: rows.open(),
        lambda row: row.is_open,
        {
            "ended_at": PAST,
            "token__state": TokenState.values,
            "token__delivery": DeliveryState.values,
            "token__person__state": PersonState.values,
        },
    ),
    "CertificateQuerySet.not_on_crl": Twins(
        lambda: placement().certificate,
        lambda rows: rows.not_on_crl(NOW),
        lambda row: row.is_not_on_crl(NOW),
        {"revoked_at": PAST, "on_crl_at": PAST, "not_after": TIMES},
    ),
    "PostponementQuerySet.due": POSTPONED,
    "PersonQuerySet.without_api_clients": Twins(
        lambda: cast.person("uma", sid=""),
        lambda rows: rows.without_api_clients(),
        lambda row: not row.is_api_client,
        {"source": PersonSource.values},
    ),
    "ApiClientQuerySet.actors_made_by": Twins(
        api_client,
        lambda rows: rows.actors_made_by(person("sven")().pk),
        lambda row: person("sven")().pk in row.actor.client_makers,
        {
            "state": ConsentState.values,
            "asked_by": Each(person("sven"), person("sofia")),
            "decided_by": Each(person("sven"), person("sofia")),
        },
    ),
    "PersonImportQuerySet.with_identities_for": Twins(
        person_import,
        lambda rows: rows.with_identities_for(paul()),
        lambda row: row.state == ImportState.DONE and identities.obstacle(actor=paul(), row=row) is None,
        {"state": ImportState.values, "asked_by": Each(ada, paul), "decided_by": (None,)},
    ),
}


@pytest.mark.parametrize("name", TWINS)
def test_sql_and_python_agree(name: str, settings: Settings) -> None:
    twins = TWINS[name]
    made = twins.row()
    settings.TARGETS = {"directory": None}
    rows = type(made)._default_manager.filter(pk=made.pk)
    said = {_compared(twins, rows, values) for values in combined(twins.columns)}
    assert said >= {True, False}, "the rule holds of some, and not of others"


def _compared(twins: Twins, rows: models.QuerySet[Any], values: dict[str, Any]) -> bool | None:
    """What both say of the row with these values; None where a constraint forbids them."""
    try:
        with transaction.atomic():
            _set(rows, values)
    except IntegrityError:
        return None
    found, says = twins.sql(rows).exists(), bool(twins.python(rows.get()))
    assert found == says, values
    return found


def _set(rows: models.QuerySet[Any], values: dict[str, Any]) -> None:
    own = {column: value for column, value in values.items() if "__" not in column}
    if own:
        rows.update(**own)
    for path, value in values.items():
        parent, _separator, column = path.rpartition("__")
        if parent:
            keys = rows.values(parent)
            model = attrgetter(parent.replace("__", "."))(rows.get())
            type(model)._base_manager.filter(pk__in=keys).update(**{column: value})


@pytest.mark.parametrize("name", TWINS)
def test_each_column_that_the_query_reads_is_walked(name: str, settings: Settings) -> None:
    """Of the row itself, as far as the query names it outside subqueries."""
    twins = TWINS[name]
    made = twins.row()
    settings.TARGETS = {"directory": None}
    rows = type(made)._default_manager.filter(pk=made.pk)
    query = twins.sql(rows).query
    if query.model is type(made):
        read = {
            each.target.name for each in columns_of(query.where) if each.alias == query.get_initial_alias()
        }
        assert read - {made._meta.pk.name} <= {column.partition("__")[0] for column in twins.columns}


def columns_of(node: Any) -> Iterator[Col]:
    """Columns in a tree of conditions, without those of subqueries."""
    if isinstance(node, Col):
        yield node
    else:
        below = node.children if isinstance(node, WhereNode) else node.get_source_expressions()
        for each in below:
            yield from columns_of(each) if hasattr(each, "get_source_expressions") else ()
