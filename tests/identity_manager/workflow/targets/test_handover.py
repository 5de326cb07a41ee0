"""Keys that go to targets: sealed with the token, there once, erased here; by type, officers and terms."""

from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import pkcs12
from django.db import IntegrityError, transaction
from django.utils import timezone

from ca_bridge.contract import RevocationReason
from ca_bridge.keys import keys
from identity_manager import audit
from identity_manager.catalogue import terms as terms_verbs
from identity_manager.catalogue import types
from identity_manager.catalogue.terms_content import Text
from identity_manager.models import (
    AuditEvent,
    HoldBack,
    OutgoingMail,
    Placement,
    PlacementState,
    SoftwareToken,
    TargetUse,
    TermsVersion,
    TokenType,
)
from identity_manager.targets.gateway.drop import Folder
from identity_manager.transactions.refusals import NotPossible, Stale
from identity_manager.workflow import step1_renew, step6_passphrase
from identity_manager.workflow.issuance import containers
from identity_manager.workflow.revocation import revoke
from identity_manager.workflow.targets import actions, drift, handover, planning, uses
from tests.tools import cast, gateways
from tests.tools.cast import Company, accepted, delivered, enabled, issued, noted
from tests.tools.gateways import Gateway, leaving_type
from tests.tools.targets import administrator, in_use, placement, review, serve

pytestmark = pytest.mark.long

P = PlacementState


@pytest.fixture
def gate(tmp_path: Any, settings: Any, company: Company) -> Gateway:
    made = gateways.gateway(tmp_path)
    settings.TARGETS = {gateways.NAME: made.target()}
    return made


def switched_on() -> TargetUse:
    leaving_type()
    return in_use(gateways.NAME)


def token_of(company: Company) -> SoftwareToken:
    return issued(accepted(enabled(company.ada, company.uma, leaving_type()))).tokens.get()


def names() -> list[str]:
    found = AuditEvent.objects.filter(name__startswith="placement.").order_by("pk")
    return [row.name for row in found]


# --- the way of a key


def test_a_key_goes_to_the_gateway_under_a_passphrase_of_its_own(gate: Gateway, company: Company) -> None:
    switched_on()
    token = token_of(company)
    row = placement(token)
    assert (row.state, row.wanted, row.carries_key) == (P.WAITING, True, True)
    assert row.parcel_wrapped is not None
    serve()
    row.refresh_from_db()
    assert (row.state, row.parcel_wrapped, row.next_attempt_at) == (P.THERE, None, None)
    (name,) = gate.files()
    found = gate.opened(name)
    secret = found["passphrase.txt"].decode()
    assert secret != containers.open_passphrase(token)
    (container,) = gateways.unzipped(found["keys.zip"]).values()
    key, certificate, chain = pkcs12.load_key_and_certificates(container, secret.encode())
    assert key is not None
    assert keys.public_key_sha256(key).hex() == row.certificate.public_key_sha256  # type: ignore[arg-type]  # EC or RSA
    assert certificate is not None
    assert chain is not None
    for made in token.containers.all():
        with pytest.raises(ValueError, match="password"):
            pkcs12.load_key_and_certificates(made.content, secret.encode())


def test_the_audit_log_says_it_with_the_terms_and_no_mail_does(gate: Gateway, company: Company) -> None:
    switched_on()
    token = token_of(company)
    before = OutgoingMail.objects.count()
    serve()
    assert names() == ["placement.key-sealed", "placement.key-handed-over"]
    sealed = AuditEvent.objects.get(name=audit.Event.KEY_SEALED_FOR_TARGET)
    assert sealed.token_id == token.pk
    assert sealed.facts["target"] == gateways.NAME
    assert sealed.facts["terms"] == TermsVersion.objects.get(is_current=True).number
    assert OutgoingMail.objects.count() == before


def test_only_keys_for_mail_that_sign_no_documents_leave(gate: Gateway, company: Company) -> None:
    switched_on()
    token = token_of(company)
    assert token.certificates.count() == 2
    assert placement(token).certificate.profile.code == "mailkey"
    both = {"purpose": "combined", "key_usage": ["digitalSignature", "nonRepudiation", "keyAgreement"]}
    signs = cast.profile("signs-too", **gateways.MAIL_KEY | both)
    with pytest.raises(NotPossible) as caught:
        types.change_type(
            actor=administrator("sven"), **_draft_of("mail", actor=administrator("sven")), profiles=[signs]
        )
    assert caught.value.reason.code == "nothing-leaves"


def _draft_of(code: str, *, actor: Any) -> dict[str, Any]:
    active = TokenType.objects.active().get(code=code)
    fields = ("name", "description", "kinds", "terms", "keys_leave")
    values = {field: getattr(active, field) for field in fields} | {"key_algorithm": "ec-p256"}
    made = types.add_type_version(actor=actor, code=code, values=values, profiles=active.ordered_profiles())
    return {"type_id": made.pk, "revision": made.version, "values": {}}


def test_what_ends_stays_at_the_gateway_and_a_renewal_adds(gate: Gateway, company: Company) -> None:
    switched_on()
    old = token_of(company)
    serve()
    delivered(old.request)
    noted(old)
    ends_soon = placement(old).certificate
    ends_soon.not_after = timezone.now() + timedelta(days=20)
    ends_soon.save()
    new = issued(accepted(step1_renew.renew(actor=company.uma, token_id=old.pk))).tokens.get()
    serve()
    assert len(gate.files()) == 2
    assert (placement(old).state, placement(new).state) == (P.THERE, P.THERE)
    revoke.revoke_token(
        actor=company.ada,
        token_id=new.pk,
        reason=RevocationReason.KEY_COMPROMISE,
        encryption=[placement(new).certificate_id],
    )
    review(new)
    serve()
    assert placement(new).state == P.THERE
    assert len(gate.files()) == 2


# --- what lets a key leave, each alone


def test_not_without_the_type(gate: Gateway, company: Company) -> None:
    switched_on()
    TokenType.objects.filter(code="mail").update(keys_leave=False)
    token_of(company)
    serve()
    assert not Placement.objects.exists()
    assert gate.files() == []


def test_not_without_a_second_officer(gate: Gateway, company: Company) -> None:
    leaving_type()
    uses.ask(actor=administrator("sven"), target=gateways.NAME, type_code="mail", hold_back=HoldBack.ISSUED)
    token_of(company)
    assert not Placement.objects.exists()


def test_not_without_the_terms_that_the_person_accepted(gate: Gateway, company: Company) -> None:
    switched_on()
    request = accepted(enabled(company.ada, company.uma, leaving_type()))
    TermsVersion.objects.update(names_key_holders=[])
    token = issued(request).tokens.get()
    row = placement(token)
    assert (row.state, row.parcel_wrapped, row.may_be_repeated) == (P.REFUSED, None, False)
    assert "do not say that this target gets keys" in row.last_error
    serve()
    assert (gate.files(), names()) == ([], ["placement.refused"])
    assert step6_passphrase.time_obstacle(token, now=token.created_at) is None  # the person has the token


def test_tokens_from_before_hand_over_nothing(gate: Gateway, company: Company) -> None:
    token = token_of(company)
    use = switched_on()
    assert planning.plan_existing(use.pk, [token.pk]) == 0
    assert not Placement.objects.exists()
    assert list(planning.publishing_uses()) == []


def test_a_target_that_is_switched_off_meanwhile_gets_nothing(gate: Gateway, company: Company) -> None:
    use = switched_on()
    row = accepted(enabled(company.ada, company.uma, leaving_type()))
    prepared = handover.seal_for_targets
    with pytest.MonkeyPatch.context() as patched:

        def ended(parts: Any, **how: Any) -> Any:
            made = prepared(parts, **how)
            uses.end(actor=administrator("sven"), use_id=use.pk)
            return made

        patched.setattr(handover, "seal_for_targets", ended)
        issued(row)
    assert not Placement.objects.exists()


def test_what_waits_is_erased_when_the_target_is_switched_off_or_the_certificate_ends(
    gate: Gateway, company: Company
) -> None:
    use = switched_on()
    first, second = (
        token_of(company),
        issued(accepted(enabled(company.ada, company.sam, leaving_type()))).tokens.get(),
    )
    revoke.revoke_token(
        actor=company.ada,
        token_id=first.pk,
        reason=RevocationReason.KEY_COMPROMISE,
        encryption=[placement(first).certificate_id],
    )
    review(first)
    assert (placement(first).parcel_wrapped, placement(first).wanted) == (None, False)
    assert placement(second).parcel_wrapped is not None
    uses.end(actor=administrator("sven"), use_id=use.pk)
    planning.review(Placement.objects.living().values_list("pk", flat=True))
    assert placement(second).parcel_wrapped is None
    serve()
    assert gate.files() == []


def test_what_waits_is_erased_when_its_token_ends_though_its_certificate_lives_on(
    gate: Gateway, company: Company
) -> None:
    switched_on()
    token = token_of(company)
    cast.noted(token)
    revoke.revoke_token(actor=company.ada, token_id=token.pk, reason=RevocationReason.KEY_COMPROMISE)
    assert placement(token).certificate.revocation_decided_at is None
    review(token)
    assert (placement(token).parcel_wrapped, placement(token).wanted) == (None, False)


def test_the_database_refuses_a_key_that_is_there_and_here(gate: Gateway, company: Company) -> None:
    switched_on()
    row = placement(token_of(company))
    serve()
    with pytest.raises(IntegrityError), transaction.atomic():
        Placement.objects.filter(pk=row.pk).update(parcel_wrapped=b"kept")


@pytest.mark.parametrize(
    ("fields", "hold_back", "code"),
    [
        ({"keys_leave": False}, HoldBack.ISSUED, "target-keys-do-not-leave"),
        ({}, HoldBack.NOTED, "target-keys-not-held-back"),
        ({"unnamed": True}, HoldBack.ISSUED, "terms-do-not-name-key-holder"),
    ],
)
def test_what_a_target_for_keys_demands(
    gate: Gateway, fields: dict[str, Any], hold_back: HoldBack, code: str
) -> None:
    leaving_type()
    if fields.pop("unnamed", False):
        TermsVersion.objects.update(names_key_holders=[])
    TokenType.objects.filter(code="mail").update(**fields) if fields else None
    with pytest.raises(NotPossible) as caught:
        uses.ask(actor=administrator("sven"), target=gateways.NAME, type_code="mail", hold_back=hold_back)
    assert caught.value.reason.code == code


def test_what_has_changed_since_it_was_asked_for_is_not_confirmed(gate: Gateway, company: Company) -> None:
    leaving_type()
    use = uses.ask(
        actor=administrator("sven"), target=gateways.NAME, type_code="mail", hold_back=HoldBack.ISSUED
    )
    TermsVersion.objects.update(names_key_holders=[])
    with pytest.raises(NotPossible) as caught:
        uses.confirm(actor=administrator("nora"), use_id=use.pk)
    assert caught.value.reason.code == "terms-do-not-name-key-holder"


def test_no_terms_are_published_that_say_less_than_happens(gate: Gateway, company: Company) -> None:
    switched_on()
    texts = {language: Text("Terms", "New words.") for language in ("en", "de")}
    document = cast.terms()
    with pytest.raises(NotPossible) as caught:
        terms_verbs.publish_terms(actor=administrator("sven"), document=document, texts=texts)
    assert (caught.value.reason.code, caught.value.field) == ("type-hands-over", "names_key_holders")
    made = terms_verbs.publish_terms(
        actor=administrator("sven"), document=document, texts=texts, names_key_holders=["gateway"]
    )
    assert made.key_holders == ["The organisation's mail gateway gets a copy of the keys that decrypt mail"]


# --- doubt and faults


def test_a_worker_that_died_after_the_drop_is_followed_by_one_that_looks(
    gate: Gateway, company: Company
) -> None:
    switched_on()
    token = token_of(company)
    serve()
    Placement.objects.update(state=P.INTENDED)
    row = placement(token)
    assert row.state == P.INTENDED
    # As it was before it was settled: the parcel is kept until then.
    (name,) = gate.files()
    _keep(row, (gate.drop / name).read_bytes())
    serve()
    assert placement(token).state == P.THERE
    assert gate.files() == [name]


def _keep(row: Placement, parcel: bytes) -> None:
    row.parcel_wrapped = handover.vault.wrap(
        parcel,
        purpose=handover.vault.Purpose.PRIVATE_KEYS,
        record=row.pk,
        owner=row.certificate.token.person_id,
    )
    row.make_due(row.created_at)
    row.save()


def test_a_lost_answer_is_looked_at_then_parked_and_an_officer_decides(
    gate: Gateway, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    switched_on()
    token = token_of(company)
    renamed = Folder.rename

    def taken(folder: Folder, old: str, new: str) -> None:
        renamed(folder, old, new)
        folder.remove(new)  # the gateway is quick
        raise OSError("lost")

    monkeypatch.setattr(Folder, "rename", taken)
    serve()
    assert placement(token).state == P.INTENDED
    serve()
    row = placement(token)
    assert (row.state, row.parcel_wrapped is not None) == (P.PARKED, True)
    monkeypatch.undo()
    serve()
    assert gate.files() == []
    actions.settle_parked(actor=administrator("sven"), placement_id=row.pk, is_there=True)
    row = placement(token)
    assert (row.state, row.parcel_wrapped) == (P.THERE, None)
    assert names()[-1] == "placement.key-handed-over"


def test_an_officer_says_that_it_is_not_there_and_it_is_dropped_again(
    gate: Gateway, company: Company
) -> None:
    switched_on()
    token = token_of(company)
    Placement.objects.update(state=P.PARKED)
    actions.settle_parked(actor=administrator("sven"), placement_id=placement(token).pk, is_there=False)
    serve()
    assert placement(token).state == P.THERE
    assert len(gate.files()) == 1


def test_a_full_disk_lets_all_wait_and_loses_nothing(
    gate: Gateway, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    switched_on()
    token = token_of(company)

    def full(_folder: Folder, _name: str, _content: bytes) -> None:
        raise OSError(28, "full")

    monkeypatch.setattr(Folder, "write", full)
    serve()
    row = placement(token)
    assert (row.state, row.target.last_error) == (P.WAITING, "The disk of the folder is full.")
    monkeypatch.undo()
    serve()
    assert placement(token).state == P.THERE


def test_a_worker_without_the_ring_lets_all_wait(gate: Gateway, company: Company, settings: Any) -> None:
    switched_on()
    token = token_of(company)
    settings.VAULT_KEYS = settings.VAULT_KEYS | {handover.vault.Purpose.PRIVATE_KEYS: {}}
    serve()
    row = placement(token)
    assert (row.state, row.target.last_error) == (
        P.WAITING,
        "This worker cannot open what was sealed for the target.",
    )
    assert gate.files() == []


def test_a_parcel_that_was_moved_to_another_row_is_not_opened(gate: Gateway, company: Company) -> None:
    """Somebody with the database, but without the ring, sends uma's key in sam's place."""
    switched_on()
    uma = placement(token_of(company))
    sam = placement(issued(accepted(enabled(company.ada, company.sam, leaving_type()))).tokens.get())
    Placement.objects.filter(pk=sam.pk).update(parcel_wrapped=uma.parcel_wrapped)
    sam.refresh_from_db()
    with pytest.raises(handover.ParcelClosed):
        handover.open_parcel(sam)


def test_a_damaged_parcel_waits_by_itself_and_the_others_go_on(gate: Gateway, company: Company) -> None:
    switched_on()
    uma = placement(token_of(company))
    sam = placement(issued(accepted(enabled(company.ada, company.sam, leaving_type()))).tokens.get())
    parcel = bytes(uma.parcel_wrapped or b"")
    Placement.objects.filter(pk=uma.pk).update(parcel_wrapped=parcel[:-1] + bytes([parcel[-1] ^ 1]))
    serve()
    uma.refresh_from_db()
    sam.refresh_from_db()
    assert (uma.state, sam.state, uma.target.last_error) == (P.WAITING, P.THERE, "")
    assert uma.last_error == "This worker cannot open what was sealed for the target."


def test_a_key_without_a_parcel_cannot_be_repeated(gate: Gateway, company: Company) -> None:
    switched_on()
    token = token_of(company)
    Placement.objects.update(state=P.REFUSED, parcel_wrapped=None)
    with pytest.raises(Stale):
        actions.repeat(actor=administrator("sven"), placement_id=placement(token).pk)


def test_the_comparison_of_the_night_leaves_it_out(gate: Gateway, company: Company) -> None:
    switched_on()
    token_of(company)
    serve()
    assert drift.survey_all() == 0
    assert not placement(SoftwareToken.objects.get()).target.drift_runs.exists()


def test_a_gateway_of_which_the_certificate_is_over_does_not_keep_the_token_from_its_person(
    tmp_path: Any, settings: Any, company: Company
) -> None:
    settings.TARGETS = {gateways.NAME: gateways.gateway(tmp_path, days=0).target()}
    switched_on()
    token = token_of(company)
    row = placement(token)
    assert (row.state, row.last_error) == (
        P.REFUSED,
        "The certificate of the gateway is not valid now: nothing is sealed for it.",
    )
    assert token.has_files


def test_a_target_that_took_certificates_before_gets_no_certificate_alone(
    gate: Gateway, company: Company
) -> None:
    """The settings change the kind under a name that officers had switched on for publication."""
    switched_on()
    token = token_of(company)
    Placement.objects.update(carries_key=False, parcel_wrapped=None)
    serve()
    assert placement(token).state == P.REFUSED
    assert gate.files() == []
