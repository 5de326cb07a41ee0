"""Rules of a few columns that stand in SQL and in Python: each pair says the same of every state of one row.

test_rules_agree.py has the large models. Which rules there are is found by their names: `usable` is asked of
many rows, `is_usable` of one.
"""

import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from operator import attrgetter
from typing import Any

import pytest
from django.apps import apps
from django.db import IntegrityError, models, transaction
from django.utils import timezone
from pytest_django import Settings

from ca_bridge.models import CaOrder, SurplusCertificate
from identity_manager.models import (
    ApiClient,
    AuditEvent,
    BatchOrder,
    BatchState,
    CaComparison,
    CaFinding,
    Certificate,
    ComparisonStep,
    DeliveryState,
    Deputy,
    FindingState,
    JobRun,
    OutgoingMail,
    Person,
    Placement,
    PlacementState,
    RecoveryDrill,
    Role,
    RoleAssignment,
    ShareRound,
    ShareRoundState,
    Target,
    TargetUse,
    TokenState,
    Webhook,
)
from identity_manager.models.operation.job_run import SLACK
from identity_manager.models.people.role import today
from identity_manager.models.second_officer import ConsentState
from identity_manager.people.api_access import api_clients
from tests.identity_manager.models.test_rules_agree import (
    CERTIFICATES,
    PAST,
    REQUESTS,
    TIMES,
    TOKENS,
    combined,
)
from tests.tools import cast, recovery

pytestmark = [pytest.mark.django_db, pytest.mark.database]
NOW = timezone.now()
OURS, THEIRS = uuid.UUID(int=1), uuid.UUID(int=2)
DAYS = tuple(today() + timedelta(days=number) for number in (-1, 0, 1))
PREFIXES = ("is_", "has_", "was_")
APPS = ("identity_manager", "ca_bridge")


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


def surplus() -> SurplusCertificate:
    order = CaOrder.objects.create(
        idempotency_key="o", ca="corporate", csr=b"c", content={}, not_before=NOW, not_after=NOW
    )
    return SurplusCertificate.objects.create(order=order, certificate=b"c", reason="found-later")


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


LEASE = {"leased_until": TIMES, "next_attempt_at": (*TIMES, NOW + SLACK)}
TWINS = {
    "LeasedQuerySet.due": Twins(mail, lambda rows: rows.due(NOW), lambda row: row.is_due(NOW), LEASE),
    "JobRunQuerySet.due": Twins(
        lambda: JobRun.objects.create(name="x.y"),
        lambda rows: rows.due(NOW),
        lambda row: row.is_due(NOW),
        LEASE,
    ),
    "JobRunQuerySet.idle": Twins(
        lambda: JobRun.objects.create(name="x.y"),
        lambda rows: rows.idle(NOW),
        lambda row: not row.is_running(NOW),
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
        lambda rows: rows.for_manual_revocation(),
        lambda row: row.is_for_manual_revocation,
        {"revoked_at": PAST, "by_hand_since": PAST},
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
    "AuditEventQuerySet.sealed": Twins(
        audit_event, lambda rows: rows.sealed(), lambda row: row.is_sealed, {"number": (None, 1_000_000)}
    ),
}
ELSEWHERE = {
    *(f"TokenRequestQuerySet.{name}" for name in (*REQUESTS, "asked_for_by")),  # test_rules_agree.py
    *(f"SoftwareTokenQuerySet.{name}" for name in (*TOKENS, "finished", "held", "revocable")),
    "SoftwareTokenQuerySet.to_be_sealed",  # test_due_rules.py
    *(f"CertificateQuerySet.{name}" for name in (*CERTIFICATES, "to_be_issued")),
}


@pytest.mark.parametrize("name", TWINS)
def test_sql_and_python_agree(name: str, settings: Settings) -> None:
    settings.TARGETS = {"directory": None}
    twins = TWINS[name]
    made = twins.row()
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


def test_each_query_with_a_twin_is_compared() -> None:
    found = {
        getattr(type(model._default_manager.all()), name).__qualname__
        for model in apps.get_models()
        if model.__module__.startswith(APPS)
        for name in dir(type(model._default_manager.all()))
        if not name.startswith("_") and any(hasattr(model, prefix + name) for prefix in PREFIXES)
    }
    assert found - ELSEWHERE - set(TWINS) == set()
    assert found >= {"LeasedQuerySet.due", "TokenRequestQuerySet.open"}
