"""Second-officer consent: its rules hold for every kind of decision, in SQL and in Python.

KINDS has all of them, in the product's own verbs; a table of such decisions that lacks here fails a test.
"""

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.apps import apps
from django.db import IntegrityError, transaction
from django.utils import timezone
from pytest_django import Settings

from identity_manager.catalogue import comparison, looks, mail_texts, profiles, terms, types, versions
from identity_manager.catalogue.terms_content import Text
from identity_manager.console.open_tasks import page
from identity_manager.events import webhooks
from identity_manager.mail.company_texts.wording import Wording
from identity_manager.models import (
    ApiClient,
    ArchiveExport,
    AuditEvent,
    BatchKind,
    BatchOrder,
    BatchSource,
    CertificateProfile,
    ConsentState,
    DirectoryRun,
    DirectorySource,
    IdentityChange,
    Looks,
    LossRule,
    MailText,
    Person,
    PersonErasure,
    PersonImport,
    PersonSource,
    RecoveryDrill,
    Role,
    RoleAssignment,
    RunMode,
    ScimToken,
    SignInCode,
    StandingBasis,
    StandingOrder,
    Target,
    TargetUse,
    TermsDocument,
    TermsDraft,
    TokenImport,
    TokenType,
    Webhook,
    WebhookFormat,
)
from identity_manager.models.people.vouching import VOUCHED, Exclusion
from identity_manager.models.second_officer import SecondOfficerDecision
from identity_manager.people import erasure
from identity_manager.people.api_access import api_clients, scim_tokens
from identity_manager.people.identity import identity_changes
from identity_manager.people.officers import vouching_policy
from identity_manager.transactions.refusals import NotAllowed, Refused, Stale
from identity_manager.workflow.archive import export
from identity_manager.workflow.batch import orders
from identity_manager.workflow.people import directory_decisions, imports, sign_in_codes
from identity_manager.workflow.standing_orders import orders as standing
from identity_manager.workflow.standing_orders import planning
from identity_manager.workflow.targets import uses
from identity_manager.workflow.token_imports import decisions, dry_run
from tests.identity_manager.models.test_rules_agree import combined
from tests.identity_manager.workflow.test_races import succeeded, together
from tests.tools import cast, foreign_files
from tests.tools import looks as looks_of_company

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.long]
Row = Any  # of one of the kinds
Verb = Callable[[Person, Row], object]


@dataclass(frozen=True)
class Kind:
    """A kind of decision. ask: by an officer, about a person; confirm, refuse, withdraw: by an officer."""

    model: type[SecondOfficerDecision]
    source: str
    ask: Callable[[Person, Person], Row]
    confirm: Verb
    withdraw: Verb
    refuse: Verb | None = None

    @property
    def is_about_person(self) -> bool:
        return hasattr(self.model, "person")


def ask_token_import(officer: Person, about: Person) -> TokenImport:
    """Of a certificate of the person."""
    made = foreign_files.certificate(foreign_files.ec_key(), email=about.email, usage=foreign_files.SIGNS)
    signs = cast.token_type("signs", profiles=(cast.profile("signs", purpose="signature").code,))
    row = dry_run.of_certificates(name="file.pem", content=foreign_files.pem(made), types=[signs.code])
    return decisions.ask(actor=officer, import_id=row.pk, digest=row.digest)


def ask_change(officer: Person, about: Person) -> IdentityChange:
    return identity_changes.ask(about, new={"upn": "new@x"}, source=PersonSource.MANUAL, actor=officer)


def ask_code(officer: Person, about: Person) -> SignInCode:
    RoleAssignment.objects.get_or_create(person=about, role=Role.AUDITOR)  # so a second officer confirms
    return sign_in_codes.ask(actor=officer, person_id=about.pk)


def ask_erasure(officer: Person, about: Person) -> PersonErasure:
    about.lock()
    about.save()
    return erasure.ask(actor=officer, person_id=about.pk)


def ask_import(officer: Person, _about: Person) -> PersonImport:
    content = b"personnel_number,given_name,surname\nP-new,New,Comer\n"
    row = PersonImport(file_name="new.csv", content=content, sha256="0", asked_by=officer)
    row.wait(accept_partial=False)
    row.save()
    return row


def ask_batch_order(officer: Person, _about: Person) -> BatchOrder:
    """As if the breaker had stopped it."""
    row = BatchOrder(asked_by=officer, kind=BatchKind.REVOKE, source=BatchSource.SELECTION, total=1)
    row.conclude_dry_run()
    row.wait()
    row.save()
    return row


def ask_directory_run(officer: Person, _about: Person) -> DirectoryRun:
    source, _made = DirectorySource.objects.get_or_create(name="corp")
    DirectoryRun.objects.filter(source=source).delete()
    row = DirectoryRun(source=source, mode=RunMode.FULL)
    row.stop(code="nobody-found", facts={"number": 9}, now=timezone.now())
    row.ask(by=officer, now=timezone.now())
    row.save()
    return row


def ask_target_use(officer: Person, _about: Person) -> TargetUse:
    target, _made = Target.objects.get_or_create(name="corp", defaults={"next_attempt_at": timezone.now()})
    row = TargetUse(target=target, type_code="vpn", asked_by=officer)
    row.save()
    return row


def ask_standing_order(officer: Person, about: Person) -> StandingOrder:
    cast.token_type("vpn")
    wanted = standing.StandingOrderInput(
        name=f"VPN {uuid.uuid4()}",
        basis=StandingBasis.UNIT,
        type_code="vpn",
        loss_rule=LossRule.RUN_OUT,
        criteria={"organisational_unit": about.organisational_unit},
    )
    order = standing.make(actor=officer, wanted=wanted)
    planning.run(order_id=order.pk)
    return order


def plan_digest(row: PersonImport) -> str:
    planned = imports.plan_of(PersonImport.objects.get(pk=row.pk))
    return planned.digest if planned else ""


def ask_type(officer: Person, _about: Person) -> TokenType:
    model = cast.token_type("pattern")
    values = {"name": "Drafted", "description": "For tests", "terms": model.terms, "kinds": ["employee"]}
    made = types.add_type_version(
        actor=officer, code="drafted", values=values, profiles=model.ordered_profiles()
    )
    return types.ask_activation(actor=officer, type_id=made.pk, revision=None)


def ask_profile(officer: Person, _about: Person) -> CertificateProfile:
    values = comparison.content_of(cast.profile("pattern"))
    made = profiles.add_profile_version(actor=officer, code="drafted", values=values)
    return profiles.ask_activation(actor=officer, profile_id=made.pk, revision=None)


def ask_terms(officer: Person, _about: Person) -> TermsDraft:
    document = cast.terms()
    texts = {language: Text("Title", f"New, {language}") for language in ("en", "de")}
    terms.save_draft(actor=officer, document_id=document.pk, seen=terms.seen_of(document, None), texts=texts)
    return terms.ask_publication(actor=officer, document_id=document.pk, seen=seen(document))


def ask_looks(officer: Person, _about: Person) -> Looks:
    draft = looks_of_company.draft(officer)
    return looks.ask_activation(actor=officer, revision=draft.version)


def about_looks(verb: Callable[..., object], **more: Any) -> Verb:
    return lambda actor, row: verb(actor=actor, revision=row.version, **more)


def seen(document: TermsDocument) -> terms.Seen:
    document.refresh_from_db()
    return terms.seen_of(document, TermsDraft.objects.filter(document=document).first())


def about_draft(verb: Callable[..., object], **more: Any) -> Verb:
    """A verb on a draft of terms, as its page has it when the officer clicks."""
    return lambda actor, row: verb(
        actor=actor, document_id=row.document_id, seen=SEEN.get(row.pk) or seen(row.document), **more
    )


def about_entry(kind: type[CertificateProfile] | type[TokenType], verb: Callable[..., object]) -> Verb:
    return lambda actor, row: verb(actor=actor, kind=kind, entry_id=row.pk, revision=None, **WHY)


MAIL_TEXT = {"message": "delivery", "language": "en"}


def ask_mail_text(officer: Person, _about: Person) -> MailText:
    wording = Wording("Your file", "Here it is.")
    seen = mail_texts.seen_of(**MAIL_TEXT)
    mail_texts.save_draft(actor=officer, **MAIL_TEXT, seen=seen, wording=wording)
    return mail_texts.ask_activation(actor=officer, **MAIL_TEXT, seen=mail_texts.seen_of(**MAIL_TEXT))


def about_mail_text(verb: Callable[..., object], **more: Any) -> Verb:
    """A verb on the draft, as its page has it when the officer clicks."""
    return lambda actor, row: verb(actor=actor, **MAIL_TEXT, seen=mail_texts.seen_of(**MAIL_TEXT), **more)


SEEN: dict[object, terms.Seen] = {}
WANTED = webhooks.WebhookInput("Ticketing", WebhookFormat.STANDARD, "https://tickets.example/", ["request.*"])
WHY = {"reason": "It says something else."}
KINDS = {
    "identity change": Kind(
        IdentityChange,
        "identity-changes",
        ask_change,
        lambda actor, row: identity_changes.confirm(actor=actor, change_id=row.pk),
        lambda actor, row: identity_changes.withdraw(actor=actor, change_id=row.pk),
        lambda actor, row: identity_changes.refuse_change(actor=actor, change_id=row.pk, **WHY),
    ),
    "sign-in code": Kind(
        SignInCode,
        "codes-to-confirm",
        ask_code,
        lambda actor, row: sign_in_codes.confirm(actor=actor, code_id=row.pk),
        lambda actor, row: sign_in_codes.withdraw(actor=actor, code_id=row.pk),
    ),
    "erasure": Kind(
        PersonErasure,
        "erasures-to-confirm",
        ask_erasure,
        lambda actor, row: erasure.confirm(actor=actor, erasure_id=row.pk),
        lambda actor, row: erasure.withdraw(actor=actor, erasure_id=row.pk),
    ),
    "import": Kind(
        PersonImport,
        "imports",
        ask_import,
        lambda actor, row: imports.confirm(actor=actor, import_id=row.pk, digest=plan_digest(row)),
        lambda actor, row: imports.withdraw(actor=actor, import_id=row.pk),
        lambda actor, row: imports.reject(actor=actor, import_id=row.pk, **WHY),
    ),
    "batch order": Kind(
        BatchOrder,
        "batch-orders-to-confirm",
        ask_batch_order,
        lambda actor, row: orders.confirm(actor=actor, order_id=row.pk),
        lambda actor, row: orders.cancel(actor=actor, order_id=row.pk),
        lambda actor, row: orders.reject(actor=actor, order_id=row.pk, **WHY),
    ),
    "directory run": Kind(
        DirectoryRun,
        "directory-runs",
        ask_directory_run,
        lambda actor, row: directory_decisions.let_go_on(actor=actor, run_id=row.pk),
        lambda actor, row: directory_decisions.drop(actor=actor, run_id=row.pk, **WHY),
    ),
    "scim client": Kind(
        ScimToken,
        "scim-clients",
        lambda officer, _about: scim_tokens.make(actor=officer, source="scim", name="Entra", days=9)[0],
        lambda actor, row: scim_tokens.confirm(actor=actor, token_id=row.pk),
        lambda actor, row: scim_tokens.revoke(actor=actor, token_id=row.pk),
    ),
    "target use": Kind(
        TargetUse,
        "target-uses",
        ask_target_use,
        lambda actor, row: uses.confirm(actor=actor, use_id=row.pk),
        lambda actor, row: uses.end(actor=actor, use_id=row.pk),
        lambda actor, row: uses.refuse_use(actor=actor, use_id=row.pk, **WHY),
    ),
    "api client": Kind(
        ApiClient,
        "api-clients",
        lambda officer, _about: api_clients.make(
            actor=officer, wanted=api_clients.ApiClientInput(name="HR", days=9, scopes=["persons:read"])
        )[0],
        lambda actor, row: api_clients.confirm(actor=actor, client_id=row.pk),
        lambda actor, row: api_clients.revoke(actor=actor, client_id=row.pk),
    ),
    "webhook": Kind(
        Webhook,
        "webhooks",
        lambda officer, _about: webhooks.make(actor=officer, wanted=WANTED)[0],
        lambda actor, row: webhooks.confirm(actor=actor, webhook_id=row.pk),
        lambda actor, row: webhooks.stop(actor=actor, webhook_id=row.pk),
    ),
    "standing order": Kind(
        StandingOrder,
        "standing-orders",
        ask_standing_order,
        lambda actor, row: standing.put_in_force(
            actor=actor, order_id=row.pk, seen=standing.seen_of(fresh(row))
        ),
        lambda actor, row: standing.end(actor=actor, order_id=row.pk),
        lambda actor, row: standing.reject(actor=actor, order_id=row.pk, **WHY),
    ),
    "archive export": Kind(
        ArchiveExport,
        "archive-exports",
        lambda officer, _about: export.ask(actor=officer, purpose="A day without it"),
        lambda actor, row: export.confirm(actor=actor, export_id=row.pk),
        lambda actor, row: export.withdraw(actor=actor, export_id=row.pk),
    ),
    "token import": Kind(
        TokenImport,
        "token-imports",
        ask_token_import,
        lambda actor, row: decisions.confirm(actor=actor, import_id=row.pk, digest=row.digest),
        lambda actor, row: decisions.withdraw(actor=actor, import_id=row.pk),
        lambda actor, row: decisions.reject(actor=actor, import_id=row.pk, **WHY),
    ),
    "token type": Kind(
        TokenType,
        "types-to-activate",
        ask_type,
        lambda actor, row: types.activate_type(actor=actor, type_id=row.pk, four_eyes=True),
        lambda actor, row: versions.discard(actor=actor, kind=TokenType, entry_id=row.pk, revision=None),
        about_entry(TokenType, versions.refuse_activation),
    ),
    "profile": Kind(
        CertificateProfile,
        "profiles-to-activate",
        ask_profile,
        lambda actor, row: profiles.activate_profile(actor=actor, profile_id=row.pk, four_eyes=True),
        lambda actor, row: versions.discard(
            actor=actor, kind=CertificateProfile, entry_id=row.pk, revision=None
        ),
        about_entry(CertificateProfile, versions.refuse_activation),
    ),
    "mail text": Kind(
        MailText,
        "mail-texts-to-activate",
        ask_mail_text,
        about_mail_text(mail_texts.activate, four_eyes=True),
        about_mail_text(mail_texts.discard),
        about_mail_text(mail_texts.refuse_activation, **WHY),
    ),
    "terms": Kind(
        TermsDraft,
        "terms-to-publish",
        ask_terms,
        about_draft(terms.publish_draft, four_eyes=True),
        about_draft(terms.discard_draft),
        about_draft(terms.refuse_publication, **WHY),
    ),
    "looks": Kind(
        Looks,
        "looks-to-activate",
        ask_looks,
        about_looks(looks.activate, four_eyes=True),
        about_looks(looks.discard),
        about_looks(looks.refuse_activation, **WHY),
    ),
}
REFUSABLE = {name: kind for name, kind in KINDS.items() if kind.refuse}  # others are withdrawn
EVERY = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
ABOUT_PERSONS = pytest.mark.parametrize(
    "kind", [kind for kind in KINDS.values() if kind.is_about_person], ids=lambda kind: kind.source
)


@pytest.fixture(autouse=True)
def _at_once(settings: Settings) -> None:
    settings.ERASURE_DAYS = 0
    SEEN.clear()


def officers(kind: Kind, *names: str) -> list[Person]:
    return [cast.person(name, roles=(kind.model.DECIDER,), sid="") for name in names]


def asked(kind: Kind, officer: Person, about: Person | None = None) -> Row:
    row = kind.ask(officer, about or cast.person("nora", roles=(), sid=""))
    if isinstance(row, TermsDraft):
        SEEN[row.pk] = seen(row.document)
    return fresh(row)


def fresh(row: Row) -> Row:
    return type(row).objects.get(pk=row.pk)


def listed(kind: Kind, officer: Person) -> list[Row]:
    """What OPEN TASKS has for the officer; and the number on the tab agrees with it."""
    officer = Person.objects.get(pk=officer.pk)
    (source,) = [each for each in page.SOURCES if each.name == kind.source]
    found = [row for rows in source.lists(officer, timezone.now()) for row in rows]
    assert page.numbers_of_tasks(officer).get(kind.source, 0) == len(found)
    return found


def recorded_of(officer: Person) -> list[str]:
    """The events of the audit log that the officer has caused."""
    return list(AuditEvent.objects.filter(actor=officer).order_by("pk").values_list("name", flat=True))


def agree(row: Row, officer: Person) -> bool:
    """Whether the officer decides on the row, as all three forms of the rule say."""
    officer = Person.objects.get(pk=officer.pk)
    by_sql = type(row).objects.decidable_by(officer).filter(pk=row.pk).exists()
    by_python = row.waits() and row.deciding_exclusion(officer) is None
    by_officers = row.waits() and row.second_officers().filter(pk=officer.pk).exists()
    assert by_sql == by_python == by_officers
    return by_sql


def test_every_table_of_such_decisions_is_here() -> None:
    tables = {model for model in apps.get_models() if issubclass(model, SecondOfficerDecision)}
    drills = {RecoveryDrill}  # neither refused nor withdrawn: workflow/archive/test_drills.py
    assert tables - drills == {kind.model for kind in KINDS.values()}


@EVERY
def test_it_waits_in_sql_as_in_python(kind: Kind) -> None:
    """In each state that a constraint allows, asked for at no time, long ago and just now."""
    (rita,) = officers(kind, "rita")
    row, now = asked(kind, rita), timezone.now()
    rows = type(row).objects.filter(pk=row.pk)
    ends = dict.fromkeys(("made_at", "used_at", "withdrawn_at", "erased_at"), (None, now))
    walked = {"asked_at": (None, now.replace(year=2000), now), "needs_confirmation": (True, False), **ends}
    fields = {field.name: field for field in row._meta.get_fields()}
    columns = {name: values for name, values in walked.items() if name in fields}
    if "state" in fields:
        columns["state"] = [value for value, _label in fields["state"].choices]
    said = {waits(rows, each) for each in combined(columns)}
    assert said >= {True, False}


def waits(rows: Any, values: dict[str, Any]) -> bool | None:
    """Whether the row with these values waits, as both forms say; None where a constraint forbids them."""
    try:
        with transaction.atomic():
            rows.update(**values)
    except IntegrityError:
        return None
    by_python = bool(rows.get().waits())
    assert rows.waiting().exists() == by_python, values
    return by_python


@EVERY
def test_another_officer_finds_it_and_confirms(kind: Kind) -> None:
    rita, rolf = officers(kind, "rita", "rolf")
    row = asked(kind, rita)
    assert agree(row, rolf)
    assert listed(kind, rolf) == [row]
    kind.confirm(rolf, row)
    assert listed(kind, rolf) == []
    assert recorded_of(rolf)


@EVERY
def test_who_asked_decides_nothing(kind: Kind) -> None:
    rita, _rolf = officers(kind, "rita", "rolf")
    row = asked(kind, rita)
    assert not agree(row, rita)
    assert listed(kind, rita) == []
    for decide in filter(None, (kind.confirm, kind.refuse)):
        with pytest.raises(NotAllowed):
            decide(rita, row)
    assert fresh(row).waits()


@EVERY
def test_other_offices_decide_nothing(kind: Kind) -> None:
    (rita,) = officers(kind, "rita")
    row = asked(kind, rita)
    others = tuple(role for role in Role if role != kind.model.DECIDER)
    stranger = cast.person("sam", roles=others, sid="")
    assert not agree(row, stranger)
    with pytest.raises(NotAllowed):
        kind.confirm(stranger, row)


@EVERY
def test_an_office_for_another_unit_or_another_day_decides_nothing(kind: Kind) -> None:
    rita, rolf, ruth = officers(kind, "rita", "rolf", "ruth")
    row = asked(kind, rita)
    rolf.roles.update(organisational_unit="Elsewhere")
    ruth.roles.update(valid_until="2020-01-01")
    for officer in (rolf, ruth):
        assert not agree(row, officer)
        with pytest.raises(NotAllowed):
            kind.confirm(Person.objects.get(pk=officer.pk), row)


@EVERY
def test_who_is_on_leave_decides_nothing(kind: Kind) -> None:
    rita, rolf = officers(kind, "rita", "rolf")
    row = asked(kind, rita)
    rolf.deactivate()
    rolf.save()
    assert not agree(row, rolf)
    with pytest.raises(NotAllowed):
        kind.confirm(rolf, row)


@EVERY
def test_what_was_withdrawn_is_gone_from_open_tasks_and_stale(kind: Kind) -> None:
    rita, rolf = officers(kind, "rita", "rolf")
    row = asked(kind, rita)
    assert listed(kind, rolf) == [row]
    before = recorded_of(rita)
    kind.withdraw(rita, row)
    assert listed(kind, rolf) == []
    assert len(recorded_of(rita)) == len(before) + 1
    with pytest.raises(Stale):
        kind.confirm(rolf, row)


@EVERY
def test_what_is_decided_is_decided(kind: Kind) -> None:
    rita, rolf, ruth = officers(kind, "rita", "rolf", "ruth")
    row = asked(kind, rita)
    kind.confirm(rolf, row)
    for officer in (rolf, ruth):
        for decide in filter(None, (kind.confirm, kind.refuse)):
            with pytest.raises(Stale):
                decide(officer, row)


@pytest.mark.parametrize("kind", REFUSABLE.values(), ids=REFUSABLE)
def test_what_is_refused_does_not_wait(kind: Kind) -> None:
    assert kind.refuse
    rita, rolf = officers(kind, "rita", "rolf")
    row = asked(kind, rita)
    kind.refuse(rolf, row)
    left = fresh(row)
    assert not left.waits()
    assert (left.decided_by, left.reason) == (rolf, WHY["reason"])
    assert left.decided_at is not None
    assert listed(kind, rolf) == []
    assert re.search(r"refused|rejected|dropped|catalogue\.changed", " ".join(recorded_of(rolf)))


@EVERY
@pytest.mark.django_db(transaction=True)
def test_of_two_who_race_one_wins(kind: Kind, transactional_db: None) -> None:
    rita, rolf, ruth = officers(kind, "rita", "rolf", "ruth")
    row = asked(kind, rita)
    results = together(*[lambda by=by: kind.confirm(by, row) for by in (rolf, ruth)])
    assert succeeded(results) == 1
    assert [type(each) for each in results if isinstance(each, Exception)] == [Stale]


@ABOUT_PERSONS
def test_nobody_decides_about_themselves(kind: Kind) -> None:
    rita, rolf = officers(kind, "rita", "rolf")
    row = asked(kind, rita, rolf)
    assert fresh(row).deciding_exclusion(rolf) in (Exclusion.OWN, Exclusion.OFFICE)  # who is erased is Locked
    assert not agree(row, rolf)
    with pytest.raises(NotAllowed):
        kind.confirm(rolf, row)


def entered(officer: Person, about: Person) -> None:
    Person.objects.filter(pk=about.pk).update(entered_by=officer)


def gave_code(officer: Person, about: Person) -> None:
    SignInCode.objects.create(
        person=about, asked_by=officer, needs_confirmation=False, used_at=timezone.now()
    )


def confirmed_identity(officer: Person, about: Person) -> None:
    change = IdentityChange(person=about, old={"upn": ""}, new={"upn": about.upn}, source="manual")
    change.confirm(by=officer, now=timezone.now())
    change.save()


WAYS = {
    Exclusion.ENTERED: entered,
    Exclusion.GAVE_CODE: gave_code,
    Exclusion.CONFIRMED_IDENTITY: confirmed_identity,
}


@ABOUT_PERSONS
@pytest.mark.parametrize("way", VOUCHED)
def test_who_vouched_does_not_confirm(kind: Kind, way: Exclusion) -> None:
    rita, rolf, ruth = officers(kind, "rita", "rolf", "ruth")
    about = cast.person("nora", roles=(), sid="")
    WAYS[way](rolf, about)
    row = asked(kind, rita, Person.objects.get(pk=about.pk))
    assert row.deciding_exclusion(rolf) == way
    assert not agree(row, rolf)
    assert agree(row, ruth)
    assert listed(kind, rolf) == []
    with pytest.raises(NotAllowed) as refused:
        kind.confirm(rolf, row)
    assert refused.value.reason == vouching_policy.REASONS[way]


def test_a_code_that_has_expired_unused_vouches_for_nothing() -> None:
    """Its owner is listed as soon as it ends: the kept SQL asks for the moment, not for when it was made."""
    kind = KINDS["identity change"]
    rita, rolf = officers(kind, "rita", "rolf")
    about = cast.person("nora", roles=(), sid="")
    now = timezone.now()
    code = SignInCode.objects.create(
        person=about, asked_by=rolf, needs_confirmation=False, made_at=now, expires_at=now.replace(year=2100)
    )
    row = asked(kind, rita, about)
    assert listed(kind, rolf) == []
    SignInCode.objects.filter(pk=code.pk).update(expires_at=now)
    assert listed(kind, rolf) == [row]
    assert agree(row, rolf)


@pytest.mark.parametrize("kind", ["identity change", "sign-in code", "erasure", "import"])
def test_the_database_refuses_one_person_on_both_sides(kind: str) -> None:
    (rita,) = officers(KINDS[kind], "rita")
    row = asked(KINDS[kind], rita)
    values: dict[str, Any] = {"decided_by": rita}
    if kind == "identity change":
        values["state"] = ConsentState.CONFIRMED
    if kind == "erasure":
        values["erased_at"] = timezone.now()
    with pytest.raises(IntegrityError), transaction.atomic():
        type(row).objects.filter(pk=row.pk).update(**values)


def test_refusals_have_a_sentence_for_each_exclusion() -> None:
    """No kind can exclude somebody and then not say why."""
    rita, rolf = officers(KINDS["sign-in code"], "rita", "rolf")
    for kind in KINDS.values():
        if kind.is_about_person:
            row = asked(kind, rita, cast.person(f"n-{kind.source}", roles=(), sid=""))
            assert set(row.excluded_officers()) == {Exclusion.OWN, Exclusion.ASKED, *VOUCHED}
    assert rolf is not None
    assert issubclass(Stale, Refused)
