"""An import makes drafts, all or none; another officer puts each in force."""

from typing import Any

import pytest

from identity_manager import audit
from identity_manager.catalogue import profiles, terms, types, versions
from identity_manager.configuration import importing
from identity_manager.configuration.kind import Effect
from identity_manager.configuration.writing import exported
from identity_manager.models import (
    ApiClient,
    AuditEvent,
    CertificateProfile,
    Person,
    Role,
    StandingOrder,
    TargetUse,
    TermsDocument,
    TermsDraft,
    TokenType,
    VersionState,
)
from identity_manager.people.api_access import api_clients
from identity_manager.transactions.refusals import NotAllowed, NotPossible, Refused, Stale
from identity_manager.workflow.standing_orders import orders
from identity_manager.workflow.targets import uses
from tests.identity_manager.configuration.conftest import effects, imported
from tests.identity_manager.workflow.standing_orders import standing
from tests.tools import cast, targets
from tests.tools.cast import Company

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.database,
    pytest.mark.long,
    pytest.mark.nightly_on_postgresql,
]
LETTER = """
[[profile]]
code = "letter"
name = { en = "Letter", de = "Brief" }
purpose = "encryption"
subject = [["commonName", "{display_name}"]]
subject_alt_names = [["email", "{email}"]]
key_usage = ["keyAgreement"]
extended_key_usage = ["1.3.6.1.5.5.7.3.4"]
ca = "corporate"
ca_profile = "letter"

[[terms]]
code = "letter-terms"
name = { en = "Letters" }
[terms.texts.en]
title = "Terms"
body = "Read."
[terms.texts.de]
title = "Bedingungen"
body = "Lesen."

[[token-type]]
code = "letter"
name = { en = "Letter" }
description = { en = "Signs letters." }
kinds = ["employee"]
terms = "letter-terms"
key_algorithm = "ec-p256"
profiles = ["letter"]

[[standing-order]]
code = "Letters for all"
basis = "unit"
criteria = { organisational_unit = "Nord" }
type_code = "letter"
loss_rule = "revoke"

[[target]]
code = "corp"
kind = "ldap"
name = "corp"
identity = "email"
uses = [{ type_code = "letter", hold_back = "noted" }]
"""
CLIENT = '\n[[api-client]]\ncode = "HR"\nscopes = ["persons:read"]\nunits = ["Nord"]\ndays = 30\n'


def everything() -> list[Any]:
    kinds = (
        CertificateProfile,
        TokenType,
        TermsDocument,
        TermsDraft,
        StandingOrder,
        TargetUse,
        ApiClient,
        Person,
    )
    return [list(kind.objects.order_by("pk").values()) for kind in (*kinds, AuditEvent)]


def test_a_comparison_changes_nothing_and_an_own_export_says_nothing_new(sven: Person) -> None:
    text, before = exported(), everything()
    found = importing.compare(actor=sven, text=text)
    assert {row.effect for row in found.rows} == {Effect.SAME}
    found = importing.compare(actor=sven, text="format = 1\n" + LETTER + CLIENT)
    assert len(found.of(Effect.DRAFT)) == 4
    assert everything() == before
    with pytest.raises(NotPossible, match="nothing"):
        imported(sven, text)


def test_a_weaker_rule_needs_another_system_administrator(sven: Person, sara: Person) -> None:
    weaker = exported().replace('approval = "always"', 'approval = "never"')
    found = imported(sven, weaker)
    (row,) = found.of(Effect.DRAFT)
    assert [(str(each.label), each.before, each.after) for each in row.changes] == [
        ("Needs approval", "always", "never")
    ]
    draft = TokenType.objects.drafts().get()
    assert TokenType.objects.active().get(code="signature").approval == "always"
    with pytest.raises(NotAllowed, match="Another System Administrator"):
        types.activate_type(actor=sven, type_id=draft.pk, four_eyes=True)
    assert list(TokenType.objects.decidable_by(sara)) == [draft]
    assert list(TokenType.objects.decidable_by(sven)) == []
    types.activate_type(actor=sara, type_id=draft.pk, four_eyes=True)
    assert effects(importing.compare(actor=sven, text=weaker))["token-type signature"] == "same"


def test_an_old_export_is_a_draft_again_and_nothing_else(sven: Person, sara: Person) -> None:
    old = exported()
    imported(sven, old.replace('approval = "never"', 'approval = "always"'))
    types.activate_type(actor=sara, type_id=TokenType.objects.drafts().get().pk, four_eyes=True)
    strict = exported()
    found = imported(sara, old)
    assert [(each.before, each.after) for each in found.of(Effect.DRAFT)[0].changes] == [("always", "never")]
    assert exported() == strict


def test_a_file_of_another_installation_comes_over_in_steps(
    sven: Person, sara: Person, settings: Any
) -> None:
    settings.TARGETS = {"corp": targets.configured()}
    text = "format = 1\n" + LETTER
    found = imported(sven, text)
    said = effects(found)
    assert {name: said[name] for name in said if "etter" in name or "corp" in name} == {
        "profile letter": "draft",
        "terms letter-terms": "draft",
        "token-type letter": "draft",
        "standing-order Letters for all": "left",
        "target corp": "left",
    }
    assert {row.remark for row in found.of(Effect.DRAFT)} == {""}  # each was asked for
    assert "once it is" in found.of(Effect.LEFT)[0].remark
    again = effects(importing.compare(actor=sven, text=text))
    assert again["profile letter"] == again["terms letter-terms"] == again["token-type letter"] == "waits"

    profile, token_type = CertificateProfile.objects.drafts().get(), TokenType.objects.drafts().get()
    document = TermsDocument.objects.get(code="letter-terms")
    with pytest.raises(NotPossible, match="is not active"):
        types.activate_type(actor=sara, type_id=token_type.pk, four_eyes=True)
    with pytest.raises(NotPossible, match="Discard or change that draft first"):
        versions.discard(actor=sara, kind=CertificateProfile, entry_id=profile.pk, revision=None)
    profiles.activate_profile(actor=sara, profile_id=profile.pk, four_eyes=True)
    with pytest.raises(NotPossible, match="No version of these terms"):
        types.activate_type(actor=sara, type_id=token_type.pk, four_eyes=True)
    seen = terms.seen_of(document, document.draft)
    terms.publish_draft(actor=sara, document_id=document.pk, seen=seen, four_eyes=True)
    types.activate_type(actor=sara, type_id=token_type.pk, four_eyes=True)

    said = effects(imported(sven, text))
    assert said["token-type letter"] == "same"
    assert said["standing-order Letters for all"] == said["target corp"] == "draft"
    order = standing.planned(StandingOrder.objects.get())
    with pytest.raises(NotAllowed, match="Another officer decides"):
        orders.put_in_force(actor=sven, order_id=order.pk, seen=orders.seen_of(order))


def test_targets_are_used_after_a_second_officer(sven: Person, sara: Person, settings: Any) -> None:
    settings.TARGETS = {"corp": targets.configured()}
    targets.mail_type()
    text = exported()
    assert targets.SECRET not in text
    assert 'url = "ldaps://ldap.example.test"' in text
    wanted = text.replace("uses = []", 'uses = [{ type_code = "mail", hold_back = "issued" }]')
    wanted = wanted.replace("ldap.example.test", "other.example.test")
    assert effects(imported(sven, wanted))["target corp"] == "draft"
    use = TargetUse.objects.get()
    with pytest.raises(NotAllowed, match="not who asked"):
        uses.confirm(actor=sven, use_id=use.pk)
    uses.confirm(actor=sara, use_id=use.pk)
    (left,) = importing.compare(actor=sven, text=wanted).of(Effect.LEFT)
    assert "under TARGETS" in left.remark
    settings.TARGETS = {}
    (left,) = importing.compare(actor=sven, text=wanted).of(Effect.LEFT)
    assert "no target of this name" in left.remark


def test_a_client_s_token_is_shown_once_and_opens_nothing_yet(sven: Person, sara: Person) -> None:
    text = "format = 1\n" + CLIENT
    (left,) = importing.compare(actor=sven, text=text, shows_secrets=False).of(Effect.LEFT)
    assert "shown once" in left.remark
    found = imported(sven, text)
    ((name, secret),) = found.secrets
    client = ApiClient.objects.get()
    assert (name, client.name, client.units, client.state) == ("HR", "HR", ["Nord"], "waiting")
    assert secret not in str(everything())
    with pytest.raises(NotAllowed):
        api_clients.confirm(actor=sven, client_id=client.pk)
    api_clients.confirm(actor=sara, client_id=client.pk)
    assert CLIENT.strip() in exported().replace('method = "bearer"\n', "")
    assert effects(importing.compare(actor=sven, text=text))["api-client HR"] == "same"
    (left,) = importing.compare(actor=sven, text=text.replace("30", "60")).of(Effect.LEFT)
    assert "does not change" in left.remark


@pytest.mark.parametrize(
    ("find", "write", "told"),
    [
        ('ca = "corporate"', 'ca = "elsewhere"', "profile letter: This certificate authority is not in the"),
        ('terms = "letter-terms"', 'terms = "none"', "token-type letter: There are no terms none here"),
        ('profiles = ["letter"]', 'profiles = ["none"]', "No certificate profile none is in force here"),
        ('profiles = ["letter"]', "profiles = []", "token-type letter: A token type needs at least one"),
        ('kinds = ["employee"]', 'kinds = ["robot"]', "token-type letter: Say which kinds of person"),
        (
            'terms = "letter-terms"',
            'terms = "letter-terms"\napprover_group = "Board"',
            "no approver group Board",
        ),
        (
            'subject = [["commonName", "{display_name}"]]',
            'subject = [["x", "{password}"]]',
            "profile letter: ",
        ),
    ],
)
def test_all_drafts_or_none(sven: Person, find: str, write: str, told: str) -> None:
    text, before = "format = 1\n" + LETTER.replace(find, write), everything()
    with pytest.raises(NotPossible) as refused:
        imported(sven, text)
    assert told in str(refused.value)
    assert everything() == before


def test_no_more_drafts_than_somebody_reads(sven: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "MOST_DRAFTS", 3)
    many = "".join(CLIENT.replace("HR", f"c{number}") for number in range(4))
    with pytest.raises(NotPossible, match="at most 200 drafts"):
        importing.compare(actor=sven, text="format = 1\n" + many)
    assert not ApiClient.objects.exists()


def test_what_was_not_seen_is_not_imported(sven: Person) -> None:
    text = "format = 1\n" + LETTER
    seen = importing.compare(actor=sven, text=text).seen
    for other in (text.replace("letter", "note"), text):
        if other == text:
            cast.profile("letter", name="Meanwhile")
        with pytest.raises(Stale, match="Look at it again"):
            importing.import_file(actor=sven, text=other, seen=seen)
    assert not CertificateProfile.objects.drafts().exists()


def test_a_draft_that_somebody_works_on_is_not_overwritten(sven: Person, sara: Person) -> None:
    imported(sara, exported().replace('approval = "always"', 'approval = "never"'))
    with pytest.raises(NotPossible, match="There is a draft of the next version already"):
        imported(sven, exported().replace('approval = "always"', 'approval = "self-requested"'))
    assert TokenType.objects.drafts().get().approval == "never"


def test_a_type_moves_on_with_its_profile(sven: Person, sara: Person) -> None:
    found = imported(sven, exported().replace('ca_profile = "client"', 'ca_profile = "client-2"'))
    assert {row.code for row in found.of(Effect.DRAFT)} == {"client", "signature", "vpn"}
    (pinned,) = TokenType.objects.drafts().get(code="vpn").ordered_profiles()
    assert (pinned.number, pinned.state) == (2, VersionState.DRAFT)
    assert exported() == exported().replace("client-2", "client")


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.SYSTEM_ADMINISTRATOR])
def test_nobody_else_imports(company: Company, role: Role) -> None:
    with pytest.raises(NotAllowed):
        importing.compare(actor=cast.person("olaf", roles=(role,)), text="format = 1\n" + LETTER)


def test_standing_orders_are_for_who_keeps_them(sara: Person) -> None:
    text = "format = 1\n" + LETTER[LETTER.index("[[standing") :].replace(
        'type_code = "letter"', 'type_code = "vpn"'
    )
    (order, *_others) = importing.compare(actor=sara, text=text).of(Effect.LEFT)
    assert "Only a Software Token Administrator" in order.remark
    with pytest.raises(Refused):
        imported(sara, text)
    assert not StandingOrder.objects.exists()


def test_an_import_is_in_the_audit_log(sven: Person) -> None:
    imported(sven, "format = 1\n" + LETTER)
    event = AuditEvent.objects.get(name=audit.Event.CONFIGURATION_IMPORTED)
    assert event.facts["counts"] == {"profile": 1, "terms": 1, "token-type": 1}
    assert (event.actor, event.facts["public_key"], len(event.facts["fingerprint"])) == (sven, "", 64)
