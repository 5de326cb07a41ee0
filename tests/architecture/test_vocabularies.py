"""Each code that people read about has one sentence in each language, and each sentence has a code."""

from collections.abc import Collection
from importlib import import_module
from pathlib import Path

import pytest
from django.utils.translation import override

from ca_bridge.contract import KEY_USAGES, RevocationReason
from ca_bridge.pkcs12 import foreign
from ca_bridge.x509 import certificate_files
from ca_bridge.x509.crl import CrlFault
from identity_manager.audit import Event
from identity_manager.audit.verification import AuditFault
from identity_manager.console.administration import authority_page
from identity_manager.console.audit import log
from identity_manager.console.history import event_facts, event_wording
from identity_manager.mail import specimens
from identity_manager.mail.registry import MAILS, TITLES
from identity_manager.models import EndReason
from identity_manager.models.catalogue import certificate_profile
from identity_manager.models.mail.outgoing_mail import NOTICES
from identity_manager.models.requests import end_reason, revocation_reasons
from identity_manager.models.words import VOCABULARIES, Vocabulary
from identity_manager.transactions.refusals import Reason
from identity_manager.ui import certificate_labels
from identity_manager.vault.key_encryption import KeyServiceDown, KeyVersionClosed
from identity_manager.workflow.issuance import failures
from identity_manager.workflow.policy import eligibility
from identity_manager.workflow.recovery import policy as recovery_policy
from identity_manager.workflow.token_imports import reasons
from tests.architecture.source import ROOT

FAILURES = {
    *(failures.PERSON_CHANGED, failures.REFUSED, failures.GIVEN_UP, failures.ENDED_IN_VAIN),
    *(eligibility.NO_EMAIL.code, *(reason.code for reason in eligibility.NOT_ACTIVE.values())),
}
# What the codes of each vocabulary are. Reasons of refusals have a test of their own, test_reasons.py.
CODES: dict[str, Collection[str]] = {
    "mails": {path.name for path in (ROOT / "templates/emails").iterdir() if (path / "subject.txt").exists()},
    "audit events": {event.value for event in Event},
    "reasons of automatic ends": EndReason.values,
    "reasons of revocation": {
        reason.value for reason in RevocationReason if reason != RevocationReason.CERTIFICATE_HOLD
    },
    "failures, for officers": FAILURES | recovery_policy.FAILURES.keys(),
    "failures, for the person": FAILURES | recovery_policy.FAILURES.keys(),
    "parts of a certificate": certificate_labels.LABELS,
    "calls to a CA": authority_page.CALLS,
    "outcomes of calls to a CA": authority_page.OUTCOMES,
    "exported lists": event_facts.LISTS,
    "parts of the catalogue": event_facts.CATALOGUE,
    "key usages": KEY_USAGES,
    "extended key usages": certificate_profile.EXTENDED_KEY_USAGES,
    "faults of the audit log": {fault.value for fault in AuditFault},
    "faults of CRLs": {fault.value for fault in CrlFault},
    "rows of token imports": {
        *foreign.FAULTS,
        *certificate_files.FAULTS,
        *(each.code for each in vars(reasons).values() if isinstance(each, Reason)),
    },
    "errors of work": {KeyServiceDown.__name__, KeyVersionClosed.__name__},
}
SAME_IN_GERMAN = {"Name", "Pseudonym", "Organisation", "IPsec"}


def test_all_are_here() -> None:
    assert VOCABULARIES.keys() == CODES.keys()
    assert VOCABULARIES["mails"] is TITLES
    assert VOCABULARIES["faults of the audit log"] is log.FAULTS
    assert VOCABULARIES["audit events"] is event_wording.SENTENCES
    assert VOCABULARIES["reasons of automatic ends"] is end_reason.SENTENCES
    assert VOCABULARIES["reasons of revocation"] is revocation_reasons.REASONS_IN_WORDS


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
