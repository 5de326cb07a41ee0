"""Tokens that are replaced."""

import uuid
from typing import Any

import pytest

from identity_manager.models import (
    Certificate,
    CertificateProfile,
    Person,
    ReplacementCause,
    SoftwareToken,
    TermsAcceptance,
)
from identity_manager.workflow import step1_replace
from identity_manager.workflow.replacement import policy
from identity_manager.workflow.step1_replace import Replacement, ReplacementOrder
from tests.tools import cast
from tests.tools.cast import Company

Tokens = dict[str, SoftwareToken]


@pytest.fixture
def tokens(company: Company) -> Tokens:
    """Three of one person, in use: to sign in, to sign and decrypt, to decrypt; none is archived."""
    wanted = [
        company.vpn,
        cast.token_type("mail", profiles=("signer", "cipher")),
        cast.token_type("cipher", profiles=("cipher",)),
    ]
    request = cast.issued(cast.accepted(cast.enabled(company.ada, company.uma, *wanted)))
    for token in cast.delivered(request).tokens.all():
        cast.noted(token)
    CertificateProfile.objects.filter(code="cipher").update(purpose="encryption")
    return {each.type_code: each for each in SoftwareToken.objects.all()}


def order_of(person: Person, *, read: bool = False, **fields: Any) -> ReplacementOrder:
    """As the page makes it, which names the tokens and the terms; read: these are to be read again."""
    texts = TermsAcceptance.objects.filter(person=person).values_list("text", flat=True)
    values = {
        "cause": ReplacementCause.STOLEN,
        "shown": set(policy.replaceable(person, only=fields.get("only")).values_list("pk", flat=True)),
        "terms_shown": () if read else set(texts),
    }
    return ReplacementOrder(**(values | fields))


def replaced(person: Person, **fields: Any) -> Replacement:
    """What the person does on the page."""
    return step1_replace.replace(actor=person, order=order_of(person, **fields))


def encryption(*codes: str) -> set[uuid.UUID]:
    """The encryption certificates of the tokens of these types."""
    rows = Certificate.objects.filter(token__type_code__in=codes, profile__purpose="encryption")
    return set(rows.values_list("pk", flat=True))
