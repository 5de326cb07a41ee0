"""A control without effect is a defect: what the catalogue, roles, states and settings offer, a verb reads.

FIELDS and CHOICES name for each field and each choice who reads it, a dotted path or a template; the source
there must mention it, or the choice's value. What nothing reads yet stands in WITHOUT_EFFECT, and is offered
in no form, filter or command.
"""

import inspect
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.conf import global_settings
from django.db import models

from identity_manager.console.people.roles import roles_page
from identity_manager.console.search import forms as search_forms
from identity_manager.management.commands import create_officer
from identity_manager.models import (
    OFFERED_ROLES,
    ApprovalPolicy,
    CertificateProfile,
    CertificatePurpose,
    CertificateState,
    DeliveryState,
    DeviceRule,
    EndingRule,
    HolderChangeRule,
    InstallationPolicy,
    ManagerApproval,
    PersonKind,
    PersonSource,
    PersonState,
    PurposeRule,
    RenewalApproval,
    RenewalPolicy,
    RequestKind,
    RequestOrigin,
    RequestState,
    Role,
    TermsDocument,
    TermsText,
    TermsVersion,
    TokenState,
    TokenType,
)
from identity_manager.models.words import Vocabulary
from tests.architecture.source import modules
from tests.documents import settings_table

WORKFLOW, CATALOGUE = "identity_manager.workflow", "identity_manager.catalogue"
CONSOLE, PEOPLE = "identity_manager.console", "identity_manager.people"
Table = dict[str, str]
VERSIONED: Table = {
    "version": f"{CATALOGUE}.types.activate_type",
    "asked_by": f"{CATALOGUE}.versions.ask",
    "asked_at": f"{CONSOLE}.catalogue.pages",
    "decided_by": "templates/identity_manager/catalogue/draft_decision.html",
    "decided_at": "templates/identity_manager/catalogue/draft_decision.html",
    "reason": "templates/identity_manager/catalogue/draft_decision.html",
    "editors": "identity_manager.models.catalogue.versioning.Drafted.excluded_officers",
    "code": f"{CATALOGUE}.versions.next_number",
    "number": "identity_manager.transactions.locking.catalogue_version",
    "state": f"{CATALOGUE}.types._check",
}
CHANGES = "identity_manager.models.renewal.holder_change.HolderChangeQuerySet"
FIELDS: dict[type[models.Model], Table] = {
    TokenType: VERSIONED
    | {
        "name": "identity_manager.models.TokenType.__str__",
        "description": "selfservice.requests.type_choices._card",
        "position": f"{CONSOLE}.search.forms.token_types",
        "archive_key": f"{WORKFLOW}.archive.intake.archives",
        "keys_leave": f"{WORKFLOW}.targets.handover._leaves",
        "targets_alone": f"{WORKFLOW}.targets.sole_delivery.is_sole",
        "approval": f"{WORKFLOW}.policy.approvers._wanting",
        "approvers_needed": f"{WORKFLOW}.policy.approvers.approvals_needed",
        "approver_group": f"{WORKFLOW}.policy.approval_rules.of_types",
        "manager_approval": f"{WORKFLOW}.policy.approval_rules.of_types",
        "purpose_rule": f"{WORKFLOW}.policy.purpose.is_asked",
        "device_rule": f"{WORKFLOW}.policy.devices.rule",
        "apple_mail_account": f"{WORKFLOW}.delivery.apple_profile.brings_mail_account",
        "terms": f"{WORKFLOW}.snapshot.frame",
        "validity_days": f"{WORKFLOW}.issuance.drafting.wanted",
        "key_algorithm": f"{WORKFLOW}.issuance.drafting.draft",
        "container_format": "identity_manager.mail.install.format_of",
        "container_retention_days": "identity_manager.jobs.retention._with_old_containers",
        "passphrase_days": f"{WORKFLOW}.step6_passphrase.Sealed.destroy_at",
        "renewal_days": f"{WORKFLOW}.policy.eligibility.renewal_obstacle",
        "renewal_policy": f"{WORKFLOW}.renewal.expiry_check.check",
        "renewal_approval": f"{WORKFLOW}.renewal.policy._needs_approval",
        "on_holder_change": f"{CHANGES}.to_be_renewed",
        "on_leave": f"{WORKFLOW}.people.tokens_on_leave.rule_of_leave",
        "on_lock": f"{WORKFLOW}.people.tokens_on_leave.rule_of_lock",
        "installation_policy": f"{WORKFLOW}.delivery.installation_check.check",
        "installation_days": f"{WORKFLOW}.delivery.installation_check.check",
        "replaced_after_days": "identity_manager.models.requests.token_queries.SoftwareTokenQuerySet",
        "kinds": f"{WORKFLOW}.policy.eligibility._choice",
        "profiles": f"{WORKFLOW}.snapshot.Frame",
    },
    CertificateProfile: VERSIONED
    | {
        "name": "identity_manager.models.CertificateProfile.__str__",
        "purpose": "identity_manager.models.CertificateProfile.may_be_archived.fget",
        "archive_dual_use": "identity_manager.models.CertificateProfile.may_be_archived.fget",
        "subject": "ca_bridge.x509.profiles.render",
        "subject_alt_names": "ca_bridge.x509.profiles.render",
        "key_usage": "ca_bridge.x509.profiles.render",
        "extended_key_usage": "ca_bridge.x509.profiles.render",
        "policies": "ca_bridge.x509.profiles.render",
        "include_sid": "ca_bridge.x509.profiles.render",
        "ca": f"{WORKFLOW}.issuance.drafting._draft_order",
        "ca_profile": f"{WORKFLOW}.issuance.drafting._draft_order",
        "longest_validity_days": f"{CATALOGUE}.types._check_profile",
    },
    TermsDocument: {
        "code": f"{CATALOGUE}.terms.add_document",
        "name": "identity_manager.models.TermsDocument.__str__",
        "revision": f"{CATALOGUE}.terms.save_draft",
    },
    TermsVersion: {
        "document": f"{WORKFLOW}.snapshot.frame",
        "number": "identity_manager.models.TermsVersion.__str__",
        "is_current": f"{CATALOGUE}.types._require_complete",
        "names_archiving": f"{WORKFLOW}.archive.intake._accepted_terms_say_it",
        "names_key_holders": f"{WORKFLOW}.targets.handover._settle",
        "published_at": "templates/selfservice/terms/terms_document.html",
        "accept_again_by": f"{WORKFLOW}.terms.ask_again._due_at",
        "late_policy": f"{WORKFLOW}.terms.ask_again.check",
    },
    TermsText: {
        "version": f"{WORKFLOW}.step4_accept",
        "language": "identity_manager.models.TermsVersion.text_in",
        "title": "identity_manager.models.catalogue.terms",
        "body": "templates/selfservice/terms/terms_document.html",
        "sha256": f"{WORKFLOW}.step4_accept",
    },
}
CHOICES: dict[type[models.TextChoices], Table] = {
    Role: {
        "SELF_SERVICE_USER": f"{WORKFLOW}.step1_request.request",
        "TOKEN_ADMINISTRATOR": f"{WORKFLOW}.policy.eligibility.administers",
        "APPROVER": f"{WORKFLOW}.policy.approvers.approvers",
        "REGISTRATION_OFFICER": f"{PEOPLE}.registration_policy.registers_in",
        "USER_ADMINISTRATOR": f"{PEOPLE}.officers.roles.administers",
        "RECOVERY_OFFICER": f"{WORKFLOW}.archive.recovery_certificate_policy.is_recovery_officer",
        "AUDITOR": f"{CONSOLE}.access.audit.request_for_auditor",
        "SYSTEM_ADMINISTRATOR": f"{CATALOGUE}.permission.is_system_administrator",
    },
    RequestState: {
        "REQUESTED": f"{WORKFLOW}.policy.permitted_actions.can_be_withdrawn",
        "APPROVED": f"{WORKFLOW}.policy.permitted_actions.can_be_withdrawn",
        "REJECTED": "selfservice.requests.request_summaries.LINES",
        "AWAITING_ACCEPTANCE": f"{WORKFLOW}.policy.permitted_actions.can_be_withdrawn",
        "DECLINED": "selfservice.requests.request_summaries.LINES",
        "LAPSED": "selfservice.requests.request_summaries.LINES",
        "ISSUING": f"{WORKFLOW}.completion.issue_requests",
        "FAILED": f"{WORKFLOW}.issuance.retry.retry",
        "ISSUED": f"{WORKFLOW}.completion.complete_request",
        "COMPLETED": "selfservice.requests.request_summaries.LINES",
        "CANCELLED": "selfservice.requests.request_summaries.LINES",
    },
    RequestKind: {
        "INITIAL": "identity_manager.models.requests.token_request.TokenRequest",
        "RENEWAL": f"{WORKFLOW}.policy.eligibility._choice",
        "REPLACEMENT": f"{WORKFLOW}.replacement.policy._in_place_of",
        "RECOVERY": f"{WORKFLOW}.recovery.creation.open_recovery",
        "IMPORT": f"{WORKFLOW}.token_imports.stored_rows._token",
    },
    RequestOrigin: {
        "ADMINISTRATOR": f"{WORKFLOW}.step1_enable.enable",
        "SELF_SERVICE": f"{WORKFLOW}.step1_request.request",
        "EXPIRY_CHECK": f"{WORKFLOW}.renewal.expiry_check._start",
        "HOLDER_CHANGE": f"{WORKFLOW}.renewal.holder_changes.start",
    },
    TokenState: {
        "ORDERED": "identity_manager.models.requests.software_token.SoftwareToken",
        "ISSUING": "identity_manager.models.requests.certificate.Certificate",
        "SEALED": f"{WORKFLOW}.completion.activate_if_delivered_and_noted",
        "ACTIVE": "identity_manager.models.requests.certificate.Certificate",
        "LAPSED": "selfservice.requests.type_choices.can_be_asked_again",
        "ON_HOLD": f"{WORKFLOW}.policy.permitted_actions.delivery_obstacle",
        "REVOKED": "selfservice.requests.type_choices.can_be_asked_again",
        "EXPIRED": f"{WORKFLOW}.people.leave_and_return._reinstate_tokens",
        "REPLACED": f"{WORKFLOW}.revocation.revoke._is_superseded",
        "CANCELLED": f"{WORKFLOW}.people.leave_and_return._end_what_is_over",
    },
    DeliveryState: {
        "NONE": "identity_manager.models.requests.software_token.SoftwareToken",
        "QUEUED": f"{WORKFLOW}.delivery.resending.send_again",
        "SENT": f"{WORKFLOW}.completion.activate_if_delivered_and_noted",
        "BOUNCED": f"{WORKFLOW}.delivery.download.fetch_obstacle",
        "OFFERED": f"{WORKFLOW}.delivery.download.fetch_obstacle",
        "FETCHED": f"{WORKFLOW}.delivery.download.fetch_obstacle",
        "TO_TARGETS": f"{WORKFLOW}.targets.sole_delivery.lock_parents",
        "AT_TARGETS": f"{WORKFLOW}.completion.activate_if_delivered_and_noted",
    },
    CertificateState: {
        "ORDERED": f"{WORKFLOW}.policy.eligibility.waits_for_return",
        "VALID": f"{WORKFLOW}.revocation.hold._settle",
        "ON_HOLD": "identity_manager.models.requests.certificate_revocation.RevocationAndHold",
        "REVOKED": f"{PEOPLE}.erasure._has_something_alive",
        "EXPIRED": f"{WORKFLOW}.revocation.revoke.expire_when_over",
        "REFUSED": f"{WORKFLOW}.revocation.revoke.expire_when_over",
    },
    PersonState: {
        "REGISTERED": f"{PEOPLE}.imports.plan._check_state",
        "ACTIVE": f"{WORKFLOW}.policy.eligibility.person_obstacle",
        "INACTIVE": f"{WORKFLOW}.policy.eligibility.next_try_obstacle",
        "LOCKED": f"{PEOPLE}.erasure.obstacle",
    },
    PersonKind: {
        "EMPLOYEE": f"{CONSOLE}.start.dashboard._registrations",
        "EXTERNAL": f"{CONSOLE}.start.dashboard._registrations",
    },
    PersonSource: {
        "MANUAL": f"{PEOPLE}.persons.edit",
        "CSV": f"{PEOPLE}.imports.applying._new_person",
        "API": "identity_manager.models.Person.is_api_client.fget",
    },
    CertificatePurpose: {
        "AUTHENTICATION": "identity_manager.ui.parts",
        "SIGNATURE": "identity_manager.ui.parts",
        "ENCRYPTION": "identity_manager.models.CertificateProfile.decrypts.fget",
        "COMBINED": "identity_manager.models.CertificateProfile.decrypts.fget",
    },
    PurposeRule: {
        "NEVER": "identity_manager.ui.forms.PurposeField",
        "MAY": f"{WORKFLOW}.policy.purpose.is_asked",
        "MUST": f"{WORKFLOW}.policy.purpose._missing",
    },
    DeviceRule: {
        "NEVER": f"{WORKFLOW}.policy.devices.rule",
        "MAY": f"{WORKFLOW}.policy.devices.rule",
        "MUST": f"{WORKFLOW}.policy.devices.cleaned",
    },
    RenewalPolicy: {
        "ASK": f"{WORKFLOW}.renewal.expiry_check._remind",
        "AUTOMATIC": f"{WORKFLOW}.renewal.expiry_check._starts_by_itself",
        "OFFICERS": f"{WORKFLOW}.policy.eligibility.renewal_obstacle",
    },
    HolderChangeRule: {
        "RENEW": f"{CHANGES}.to_be_renewed",
        "TELL": f"{CHANGES}.unanswered",
        "NOTHING": f"{WORKFLOW}.renewal.holder_changes._news",
    },
    EndingRule: {
        "REVOKE": f"{WORKFLOW}.people.tokens_on_leave.begin_leave",
        "HOLD": f"{WORKFLOW}.people.tokens_on_leave.end_for_good",
        "RUN_OUT": f"{WORKFLOW}.people.tokens_on_leave.begin_leave",
    },
    InstallationPolicy: {
        "NOTHING": f"{WORKFLOW}.delivery.installation_check.check",
        "REMIND": f"{WORKFLOW}.delivery.installation_check",
        "TELL": f"{WORKFLOW}.delivery.installation_check",
        "REVOKE": f"{WORKFLOW}.delivery.installation_check",
    },
    RenewalApproval: {
        "NEVER": f"{WORKFLOW}.renewal.policy._needs_approval",
        "CHANGED": f"{WORKFLOW}.renewal.policy._needs_approval",
        "ALWAYS": f"{WORKFLOW}.renewal.policy._needs_approval",
    },
    ManagerApproval: {
        "NO": f"{WORKFLOW}.policy.approval_rules.of_types",
        "MAY": f"{CATALOGUE}.types._check",
        "MUST": f"{WORKFLOW}.policy.approval_rules._rule",
    },
    ApprovalPolicy: {
        "NEVER": f"{WORKFLOW}.renewal.policy._depends_on_changes",
        "SELF_REQUESTED": f"{WORKFLOW}.policy.approvers._wanting",
        "ALWAYS": f"{WORKFLOW}.policy.approvers._wanting",
    },
}
BOOKKEEPING = {"id", "created_at"}
# They stay in the models, for what is built on them later, and are offered nowhere until then.
WITHOUT_EFFECT: dict[type, set[str]] = {
    PersonSource: {"LDAP", "SCIM"},
}
READ = [
    *((owner, name, path) for owner, table in FIELDS.items() for name, path in table.items()),
    *((owner, name, path) for owner, table in CHOICES.items() for name, path in table.items()),
]


def source_of(path: str) -> str:
    """The text of a template, or of what stands at a dotted path: the codes of a vocabulary, else source."""
    if "/" in path:
        return Path(path).read_text()
    found = found_at(path)
    return " ".join(found) if isinstance(found, Vocabulary) else inspect.getsource(found)


def found_at(path: str) -> Any:
    """What stands there: a module, or something in it."""
    parts = path.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found: Any = import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for name in parts[length:]:
            found = getattr(found, name)
        return found
    raise AssertionError(f"{path} is nowhere")


@pytest.mark.parametrize(("owner", "name", "path"), READ, ids=lambda each: getattr(each, "__name__", each))
def test_who_is_named_reads_it(owner: type, name: str, path: str) -> None:
    words = {name, str(getattr(getattr(owner, name, name), "value", name))}
    assert any(_mentions(source_of(path), word) for word in words), f"{path} does not mention {name}"


@pytest.mark.parametrize("model", FIELDS)
def test_each_field_has_a_reader_or_no_effect(model: type[models.Model]) -> None:
    fields = {each.name for each in (*model._meta.concrete_fields, *model._meta.many_to_many)} - BOOKKEEPING
    fields -= {each for each in fields if each.startswith("former_")}  # release 1.0 reads and writes those
    without = WITHOUT_EFFECT.get(model, set())
    assert fields == FIELDS[model].keys() | without
    assert not FIELDS[model].keys() & without


@pytest.mark.parametrize("kind", CHOICES)
def test_each_choice_has_a_reader_or_no_effect(kind: type[models.TextChoices]) -> None:
    without = WITHOUT_EFFECT.get(kind, set())
    assert set(kind.__members__) == CHOICES[kind].keys() | without
    assert not CHOICES[kind].keys() & without


def test_no_form_filter_or_command_offers_a_role_without_effect() -> None:
    without = {Role[name] for name in WITHOUT_EFFECT.get(Role, ())}
    assert set(OFFERED_ROLES) == set(Role) - without
    values = {role.value for role in without}
    filters = (
        search_forms.PersonForm.base_fields["role"],
        roles_page.RolesFilterForm.base_fields["role"],
    )
    offered = {str(value) for each in filters for value, _label in each.choices}  # type: ignore[attr-defined]  # fields of choices
    parser = create_officer.Command().create_parser("manage.py", "create_officer")
    offered |= {
        str(each) for action in parser._actions if action.dest == "role" for each in action.choices or ()
    }
    assert offered & values == set()
    assert {role.value for role in OFFERED_ROLES} - offered == set()


def test_no_filter_offers_a_choice_that_nothing_makes() -> None:
    """Forms of SEARCH and REQUESTS, whose filters are closed lists."""
    nothing_makes = {
        str(kind[name].value)  # type: ignore[index]  # of enumerations
        for kind, names in WITHOUT_EFFECT.items()
        if issubclass(kind, models.TextChoices) and kind is not Role
        for name in names
    }
    for form in (search_forms.PersonForm, search_forms.RequestForm, search_forms.CertificateForm):
        for name, field in form.base_fields.items():
            offered = {str(value) for value, _label in getattr(field, "offered", ())}
            assert offered & nothing_makes == set(), (form.__name__, name)


SETTINGS = "identity_manager.config.settings"


@pytest.mark.long
def test_each_setting_of_the_documents_is_read_somewhere() -> None:
    """By its name: where the environment is read, or by what is deployed."""
    deployed = [path.read_text(errors="replace") for path in Path("deploy").rglob("*") if path.is_file()]
    texts = [*(module.text for module in modules()), *deployed]
    unread = [name for name in settings_table.meanings() if not any(_mentions(text, name) for text in texts)]
    assert unread == []


@pytest.mark.long
def test_each_setting_that_is_made_is_used() -> None:
    """As settings.NAME, or by its name, in a module; within the settings; or by Django itself."""
    made = next(module.text for module in modules() if module.name == SETTINGS)
    others = [module.text for module in modules() if module.name != SETTINGS]
    ours = set(re.findall(r"^([A-Z][A-Z0-9_]+)(?:: [^=]+)? = env\.", made, re.MULTILINE))
    unused = {
        name
        for name in ours - set(dir(global_settings))
        if len(re.findall(rf"\b{name}\b(?!\")", made)) < 2
        and not any(re.search(rf"\bsettings\.{name}\b|\"{name}\"", text) for text in others)
    }
    assert unused == set()


def _mentions(text: str, name: str) -> bool:
    return re.search(rf"\b{name}\b", text) is not None
