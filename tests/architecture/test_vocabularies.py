"""Each code that people read about has one sentence in each language, and each sentence has a code."""

import ast
from collections.abc import Collection
from importlib import import_module
from pathlib import Path

import pytest
from django.utils.translation import override

from ca_bridge import telemetry
from ca_bridge.contract import KEY_USAGES, RevocationOutcome, RevocationReason
from ca_bridge.database.read_replica import ReplicaFault
from ca_bridge.models import CaAttempt, CaOrder
from ca_bridge.pkcs12 import foreign
from ca_bridge.x509 import certificate_files, subject_alt_names
from ca_bridge.x509.crl import CrlFault
from ca_bridge.x509.holders import Holder
from ca_bridge.x509.names import ATTRIBUTE_TYPES
from identity_manager.audit import Event
from identity_manager.audit.verification import AuditFault
from identity_manager.catalogue import versions
from identity_manager.console.audit import log
from identity_manager.console.history import event_wording
from identity_manager.console.people.roles.who_may_page import ACTS
from identity_manager.console.search.search import KINDS
from identity_manager.directory import configuration as directories
from identity_manager.mail import specimens
from identity_manager.mail.registry import MAILS
from identity_manager.models import (
    BatchState,
    EndReason,
    KeyHolder,
    ReplacementCause,
    RequestState,
    Role,
    TokenState,
)
from identity_manager.models.catalogue import certificate_profile
from identity_manager.models.catalogue.token_type import CONTAINER_FORMATS
from identity_manager.models.mail.outgoing_mail import NOTICES
from identity_manager.models.requests import end_reason, revocation_reasons
from identity_manager.models.token_imports.token_import import Imported
from identity_manager.models.words import VOCABULARIES, Vocabulary
from identity_manager.people.imports.planned_row import RowOutcome
from identity_manager.targets import configuration as targets
from identity_manager.transactions.refusals import Reason
from identity_manager.vault.key_encryption import KeyServiceDown, KeyVersionClosed
from identity_manager.vault.wrapping import Purpose
from identity_manager.workflow.issuance import failures
from identity_manager.workflow.policy import eligibility
from identity_manager.workflow.recovery import policy
from identity_manager.workflow.token_imports import matching, reasons
from tests.architecture.source import ROOT, modules

for each in modules("identity_manager", "selfservice"):
    if " = Vocabulary(" in each.text:
        import_module(each.name)


# Arguments that are no literals: of KINDS, as stored by another call, and as given to _at_edge.
PASSED_ON = {
    *("search.kind.name", "chosen.search.kind.name"),
    *("order.stop_code", "self.row.stop_code"),
    "name",
}


def _arguments(name: str, *, place: int = 0, keyword: str = "") -> set[str]:
    """The argument at that place, or of that keyword, of each call of that name in the product."""
    given = (
        next((each.value for each in node.keywords if each.arg == keyword), None)
        if keyword
        else next(iter(node.args[place : place + 1]), None)
        for module in modules()
        for node in module.nodes
        if isinstance(node, ast.Call) and ast.unparse(node.func) == name
    )
    found = [each for each in given if each is not None]
    others = {ast.unparse(each) for each in found if not isinstance(each, ast.Constant)}
    assert others <= PASSED_ON, "its codes are to be named here"
    return {each.value for each in found if isinstance(each, ast.Constant)}


def _assigned(target: str) -> set[str]:
    """Each literal that the product assigns to that target."""
    return {
        each.value
        for module in modules()
        for node in module.nodes
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == target
        for each in ast.walk(node.value)
        if isinstance(each, ast.Constant)
    }


FAILURES = {
    *(failures.PERSON_CHANGED, failures.REFUSED, failures.GIVEN_UP, failures.ENDED_IN_VAIN),
    *(eligibility.NO_EMAIL.code, *(reason.code for reason in eligibility.NOT_ACTIVE.values())),
}
EVERY_NAME = Holder(emails=("e@example.org",), upns=("u@example.org",), sids=("S-1",), numbers=("1",))
# What the codes of each vocabulary are. Reasons of refusals have a test of their own, test_reasons.py.
CODES: dict[str, Collection[str]] = {
    "audit events": {event.value for event in Event},
    "reasons of automatic ends": EndReason.values,
    "reasons of revocation": {
        reason.value for reason in RevocationReason if reason != RevocationReason.CERTIFICATE_HOLD
    },
    "failures, for officers": FAILURES | policy.FAILURES.keys(),
    "failures, for the person": FAILURES | policy.FAILURES.keys(),
    "parts of a certificate": {*ATTRIBUTE_TYPES, *subject_alt_names.KINDS},
    "calls to a CA": {
        each for name in ("telemetry.ca_call", "_at_edge") for each in _arguments(name, place=1) if each
    },
    "outcomes of calls to a CA": {
        *CaAttempt.Outcome.values,
        *(each.value for each in RevocationOutcome),
        *(CaOrder.Search.FOUND, CaOrder.Search.NOTHING),
        *_assigned("measured.outcome"),
        telemetry.Call().outcome,
    },
    "exported lists": {*KINDS, *_arguments("exports.record", keyword="what")},
    "parts of the catalogue": {*versions._KINDS.values(), "terms", "looks", "mail"},
    "key usages": KEY_USAGES,
    "extended key usages": certificate_profile.EXTENDED_KEY_USAGES,
    "faults of the audit log": {fault.value for fault in AuditFault},
    "faults of CRLs": {fault.value for fault in CrlFault},
    "rows of token imports": {
        *foreign.FAULTS,
        *certificate_files.FAULTS,
        *(each.code for each in vars(reasons).values() if isinstance(each, Reason)),
    },
    "batch lines not yet done": BatchState.values,
    "changes of groups": {"made", "deleted", "added", "removed"},
    "imported certificates": Imported.values,
    "key holders, in Self-Service": KeyHolder.values,
    "key holders, in mails": KeyHolder.values,
    "states of requests, for the person": {*RequestState} - {RequestState.FAILED, RequestState.ISSUED},
    "states of tokens, for the person": {
        *(TokenState.ACTIVE, TokenState.ON_HOLD, TokenState.LAPSED),
        *(TokenState.REVOKED, TokenState.EXPIRED, TokenState.REPLACED),
    },
    "kinds of directories": directories.KINDS,
    "leavers of directories": directories.LEAVERS,
    "effects on leavers": {directories.HOLD, directories.LOCK},
    "states of the read replica": {fault.value for fault in ReplicaFault},
    "criteria of standing orders": {"kind", "text", "department", "organisational_unit"},
    "causes of replacements": ReplacementCause.values,
    "container formats": {value for value, _label in CONTAINER_FORMATS},
    "kinds of targets": targets.KINDS,
    "names that match": {name for name, _value in matching._keys(EVERY_NAME)},
    "purposes of keys": {*Purpose, "audit"},
    "rows of imports of persons": {outcome.value for outcome in RowOutcome},
    "sign-in methods": {"password", "passkey", "sso", "saml", "certificate"},
    "stops of the breaker": _arguments("Stop"),
    "what keeps officers out": {way.value for act in ACTS for way in act.kept_out},
    "what roles may": Role.values,
    "errors of work": {KeyServiceDown.__name__, KeyVersionClosed.__name__},
}
# Labels of fields, and of settings and their values: they are no sentences of a code.
LABELS = {
    "BIND_FAULTS",  # of ldap_connection, which lies below the models and does not know vocabularies
    "MISSING",
    "OPTIONS",
    "TRUST",
}
SAME_IN_GERMAN = {"Name", "Pseudonym", "Organisation", "IPsec", "SCIM"}


def test_all_are_here() -> None:
    assert VOCABULARIES.keys() == CODES.keys()
    assert VOCABULARIES["faults of the audit log"] is log.FAULTS
    assert VOCABULARIES["audit events"] is event_wording.SENTENCES
    assert VOCABULARIES["reasons of automatic ends"] is end_reason.END_REASONS
    assert VOCABULARIES["reasons of revocation"] is revocation_reasons.REVOCATION_REASONS


@pytest.mark.parametrize("name", CODES)
def test_each_code_has_a_sentence_and_each_sentence_a_code(name: str) -> None:
    assert set(VOCABULARIES[name]) == set(CODES[name])


@pytest.mark.parametrize("name", CODES)
def test_each_sentence_is_there_in_both_languages(name: str) -> None:
    vocabulary = VOCABULARIES[name]
    for code in vocabulary:
        with override("en"):
            english = str(vocabulary.in_words(code))
        with override("de"):
            german = str(vocabulary.in_words(code))
        assert english.strip()
        assert german.strip()
        assert english != german or english in SAME_IN_GERMAN, english


def test_sentences_by_code_are_a_vocabulary() -> None:
    """A dictionary of a module whose values are translated and whose keys are codes."""
    found = [
        f"{module.name}.{ast.unparse(target)}"
        for module in modules("identity_manager", "selfservice")
        for node in module.tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Dict)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if _are_sentences_by_code(node.value) and ast.unparse(target) not in LABELS
    ]
    assert found == []


def _are_sentences_by_code(literal: ast.Dict) -> bool:
    codes = [key for key in literal.keys if key is not None and not isinstance(key, ast.Tuple)]
    codes = [key for key in codes if not (isinstance(key, ast.Constant) and isinstance(key.value, bool))]
    translated = [
        value
        for value in literal.values
        if isinstance(value, ast.Call) and ast.unparse(value.func) in ("_", "gettext_lazy")
    ]
    return len(codes) > 1 and len(translated) > 1


def test_an_unknown_code_has_the_sentence_for_that_or_stands_for_itself() -> None:
    known = VOCABULARIES.copy()
    try:
        assert Vocabulary("t", {"a": "A."}, unknown="Unknown.").in_words("b") == "Unknown."
        assert Vocabulary("t", {"a": "A."}).in_words("b") == "b"
        assert Vocabulary("t", {"a": "A."}).in_words("a") == "A."
    finally:
        VOCABULARIES.clear()
        VOCABULARIES.update(known)


def test_each_mail_is_a_function_of_its_name() -> None:
    for name, kind in MAILS.items():
        assert getattr(import_module(kind.make.__module__), name) is kind.make
        assert Path(ROOT / "templates/emails" / name / "body.html").exists()
    assert sorted(specimens.names()) == sorted(MAILS)
    assert MAILS.keys() >= NOTICES
