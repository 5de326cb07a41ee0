"""Each query of a model is compared with its rule in Python, or stands here as one asked in SQL alone.

A query is a public method of a QuerySet of the product, or a function or method of the models that returns
conditions. A new one fails the test until it is in one of these tables; so does an entry of one that is gone.
"""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.apps import apps
from django.db import models

import identity_manager.models
from identity_manager.models.second_officer import SecondOfficerDecision
from tests.identity_manager.models import test_twins
from tests.identity_manager.models.test_rules_agree import CERTIFICATES, REQUESTS, TOKENS

PRODUCT = ("identity_manager", "selfservice", "ca_bridge")
PREFIXES = ("is_", "has_", "was_")
CONDITION = re.compile(r"\b(Q|Exists|Subquery|\w*QuerySet)\b")
HERE = Path(__file__).parent
TESTS = HERE.parent


def each(of: str, *names: str) -> set[str]:
    """These queries of one class; of "": functions."""
    return {f"{of}.{name}".removeprefix(".") for text in names for name in text.split()}


# Where it is compared with Python: the file, and the queries that it names.
COMPARED = {
    HERE / "test_twins.py": set(test_twins.TWINS),
    HERE / "test_rules_agree.py": {
        *each("TokenRequestQuerySet", *REQUESTS, "decidable_by asked_for_by postponed_by not_postponed_by"),
        *each("SoftwareTokenQuerySet", *TOKENS, "finished held revocable"),
        *each("CertificateQuerySet", *CERTIFICATES, "to_be_issued with_orphaned_order"),
        *each("SignInCodeQuerySet", "usable opening"),
        *each("DeliveryProblemQuerySet", "decidable_by"),
        *each("AskedApproverQuerySet", "unanswered"),
        *each("PersonQuerySet", "holding"),
    },
    HERE / "test_second_officer.py": each("SecondOfficerQuerySet", "waiting decidable_by"),
    TESTS / "workflow" / "test_due_rules.py": each("SoftwareTokenQuerySet", "to_be_sealed"),
}
# Conditions of which compared queries are made; the query in whose test they are walked.
PARTS = {
    "code_opens": "SignInCodeQuerySet.opening",
    "of_who_needs_confirmation": "SignInCodeQuerySet.usable",
    "person_can_sign_in_condition": "SecondOfficerQuerySet.waiting",
    "vouched_by": "DeliveryProblemQuerySet.decidable_by",
    "not_decidable": "TokenRequestQuerySet.decidable_by",
    "Person.reach": "RoleReviewQuerySet.decidable_by",
}
# No row is asked in Python: where a page or a verb asks about one row, it asks this query.
SQL_ALONE = {
    "a search for what the caller names": {
        *each("ArchivedKeyQuerySet", "of of_token"),
        *each("AuditEventQuerySet", "of_restores"),
        *each("AuditHeadQuerySet", "beyond covering"),
        *each("BatchLineQuerySet", "of_nobody"),
        *each("BatchOrderQuerySet", "of_request"),
        *each("BlockedKeyQuerySet", "among"),
        *each("CaOrderQuerySet", "of_serial issued_of"),
        *each("CaOutageQuerySet", "keeping"),
        *each("CertificateQuerySet", "of_public_key"),
        *each("ClientCredentialQuerySet", "of"),
        *each("ContainerQuerySet", "fetched_since"),
        *each("ImportedCertificateQuerySet", "of"),
        *each("InstallationNoticeQuerySet", "revoked_since"),
        *each("InstallationQuerySet", "standing_of"),
        *each("LooksQuerySet", "showing"),
        *each("MailEventQuerySet", "unmatched"),
        *each("OutgoingMailQuerySet", "addressed_to with_provider_id"),
        *each("PersonQuerySet", "matching matching_in_parts"),
        *each("ShareRoundQuerySet", "of"),
        *each("SoftwareTokenQuerySet", "passphrase_shown_since"),
        *each("TermsHoldQuerySet", "in_effect of_document"),
        *each("TokenRequestQuerySet", "with_reference"),
        *each("", "condition acceptances_from tokens_under"),
    },
    "an order, a join, or columns to load": {
        *each("AuditEventQuerySet", "with_names with_wording_columns"),
        *each("BatchLineQuerySet", "listed"),
        *each("BatchOrderQuerySet", "listed"),
        *each("CaComparisonQuerySet", "with_numbers"),
        *each("LooksQuerySet", "without_logo"),
        *each("PersonQuerySet", "with_order"),
        *each("TermsDocumentQuerySet", "with_draft"),
        *each("", "first_end"),
    },
    "the last of several rows": {
        *each("AuditHeadQuerySet", "newest"),
        *each("CaComparisonQuerySet", "newest shown"),
        *each("DriftRunQuerySet", "newest_of"),
        *each("TermsVersionQuerySet", "asking"),
    },
    "a number or a moment, no rows": {
        *each("BatchLineQuerySet", "counted"),
        *each("DirectoryRunQuerySet", "figures_since"),
        *each("JobRunQuerySet", "clock_of_database"),
        *each("PersonImportQuerySet", "figures_since"),
        *each("PlacementQuerySet", "counted"),
    },
    "it changes rows": {
        *each("BrieflyLeasedQuerySet", "claim"),
        *each("LeasedQuerySet", "claim claim_locked_rows claim_through_subquery"),
        *each("ProcessTotalQuerySet", "add"),
        *each("StandingOrderQuerySet", "wake"),
    },
    "one value of an enumeration: Python compares with the same name": {
        *each("BatchLineQuerySet", "ready"),
        *each("IdentityChangeQuerySet", "confirmed"),
        *each("RoleReviewQuerySet", "confirmations"),
        *each("SoftwareTokenQuerySet", "without_recovered"),
        *each("VersionedQuerySet", "active drafts"),
    },
    "the settings name the rows": {
        *each("CaOutageQuerySet", "shown"),
        *each("DirectorySourceQuerySet", "configured"),
        *each("SiemSinkQuerySet", "configured"),
    },
    "what a job or a worker takes": {
        *each("AcceptedMessageQuerySet", "over"),
        *each("BatchOrderQuerySet", "forgotten stopped_since"),
        *each("BatchShardQuerySet", "at_work held waiting"),
        *each("CaFindingQuerySet", "to_be_revoked"),
        *each("CaOrderQuerySet", "to_be_compared with_surplus"),
        *each("CertificateQuerySet", "over"),
        *each("DirectoryLinkQuerySet", "not_seen_in run_out"),
        *each("DirectoryRunQuerySet", "forgotten under_way"),
        *each("HolderChangeQuerySet", "not_started to_be_renewed"),
        *each("InstallationNoticeQuerySet", "due"),
        *each("LeasedQuerySet", "to_be_requeued waiting_for_key_versions waiting_for_keys"),
        *each("LiveProcessQuerySet", "forgettable"),
        *each("MailEventQuerySet", "forgettable"),
        *each("OutgoingMailQuerySet", "queued"),
        *each("PersonImportQuerySet", "forgotten"),
        *each("PlacementQuerySet", "living to_be_published with_needless_parcel"),
        *each("RecoveredKeyQuerySet", "no_longer_open"),
        *each("SoftwareTokenQuerySet", "put_off_with_keys_to_archive superseded to_be_asked_of_installation"),
        *each("StandingMemberQuerySet", "covering present"),
        *each("StandingOrderQuerySet", "at_work"),
        *each("SurplusCertificateQuerySet", "to_be_revoked"),
        *each("TargetQuerySet", "with_work"),
        *each("WebhookDeliveryQuerySet", "due"),
        *each("", "persons_to_ask lost_by_order"),
    },
    "what pages list or count, and verbs look for": {
        *each("AuditCheckQuerySet", "finished"),
        *each("BatchShardQuerySet", "with_fault"),
        *each("CaAttemptQuerySet", "in_trouble"),
        *each("DriftRunQuerySet", "complete"),
        *each("HolderChangeQuerySet", "unanswered"),
        *each("IdentityChangeQuerySet", "listed"),
        *each("InstallationNoticeQuerySet", "to_be_answered"),
        *each("LiveProcessQuerySet", "alive"),
        *each("OutgoingMailQuerySet", "held_up with_fault"),
        *each("PersonQuerySet", "without_upn_key"),
        *each("PlacementQuerySet", "bringing_keys to_be_settled"),
        *each("RecoveryDrillQuerySet", "under_way"),
        *each("RecoveryQuerySet", "awaiting_owner"),
        *each("RenewalNoticeQuerySet", "not_needed unanswered"),
        *each("RoleReviewQuerySet", "of_held_roles"),
        *each("SignInCodeQuerySet", "ended_unused"),
        *each("SoftwareTokenQuerySet", "alive living_on"),
        *each("SurplusByHandQuerySet", "to_be_revoked"),
        *each("SurplusCertificateQuerySet", "unrevoked"),
        *each("TermsNoticeQuerySet", "unanswered"),
        *each("TokenRequestQuerySet", "failed left_undecided with_all_approvals"),
        *each("", "has_successor"),
    },
}


def subclasses(of: type) -> Iterator[type]:
    for one in of.__subclasses__():
        yield one
        yield from subclasses(one)


def is_ours(thing: Any) -> bool:
    return str(thing.__module__).partition(".")[0] in PRODUCT


def returns_conditions(function: Any) -> bool:
    function = inspect.unwrap(getattr(function, "__func__", function))
    said = inspect.isfunction(function) and function.__annotations__.get("return")
    return bool(said and CONDITION.search(str(said)))


def modules() -> list[ModuleType]:
    """Those of the models of all apps of the product."""
    packages = [each.models_module for each in apps.get_app_configs() if is_ours(type(each))]
    found = [each for each in packages if each is not None]
    below = pkgutil.walk_packages(identity_manager.models.__path__, f"{identity_manager.models.__name__}.")
    return [*found, *(importlib.import_module(each.name) for each in below)]


def queries() -> Iterator[str]:
    for queryset in filter(is_ours, subclasses(models.QuerySet)):
        names = (name for name in vars(queryset) if not name.startswith("_"))
        yield from (f"{queryset.__name__}.{name}" for name in names if callable(getattr(queryset, name)))
    for module in modules():
        for name, thing in vars(module).items():
            if not name.startswith("_") and getattr(thing, "__module__", "") == module.__name__:
                yield from conditions(thing)


def conditions(thing: Any) -> Iterator[str]:
    """The function itself, or the methods of the model, that return conditions."""
    if inspect.isclass(thing) and issubclass(thing, models.Model):
        names = (name for name, value in vars(thing).items() if returns_conditions(value))
        # What every decision under four eyes has, test_second_officer.py compares of each of them.
        yield from (f"{thing.__name__}.{name}" for name in names if not hasattr(SecondOfficerDecision, name))
    elif returns_conditions(thing):
        yield str(thing.__name__)


def test_each_query_is_compared_or_says_why_not() -> None:
    tables = [*COMPARED.values(), set(PARTS), *SQL_ALONE.values()]
    listed, present = [name for table in tables for name in table], set(queries())
    assert present - set(listed) == set(), "new: compare it in one of the files, or say why not"
    assert set(listed) - present == set(), "these are gone"
    assert sorted(listed) == sorted(set(listed)), "in one table only"


@pytest.mark.parametrize("path", COMPARED, ids=lambda path: path.stem)
def test_what_is_compared_is_asked_in_that_file(path: Path) -> None:
    text = path.read_text()
    lacking = {name for name in COMPARED[path] if f"{name.rpartition('.')[2]}(" not in text}
    assert lacking == set()
    assert set(PARTS.values()) <= {name for table in COMPARED.values() for name in table}


def test_what_is_asked_in_sql_alone_has_no_twin() -> None:
    """As `usable` of many rows has `is_usable` of one."""
    alone = {name for table in SQL_ALONE.values() for name in table}
    twins = {
        getattr(type(rows), name).__qualname__
        for model in filter(is_ours, apps.get_models())
        for rows in (model._default_manager.all(),)
        for name in dir(rows)
        if not name.startswith("_") and any(hasattr(model, prefix + name) for prefix in PREFIXES)
    }
    assert twins & alone == set()
    assert twins >= {"TokenRequestQuerySet.open", "LeasedQuerySet.due"}
