"""Looks: drafted, activated by a second System Administrator, and gone again with one press."""

from typing import Any

import pytest

from identity_manager.audit import Event
from identity_manager.catalogue import looks
from identity_manager.models import AuditEvent, Looks, Person, Role
from identity_manager.queries import looks as looks_queries
from identity_manager.transactions.refusals import NotAllowed, NotPossible, Refused, Stale
from tests.tools import cast
from tests.tools import looks as company

KEEP = looks.Picture()
pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.nightly_on_postgresql]


@pytest.fixture(autouse=True)
def _read_anew() -> None:
    looks_queries.forget()


@pytest.fixture
def sven() -> Person:
    return cast.person("sven", roles=(Role.SYSTEM_ADMINISTRATOR,), sid="")


@pytest.fixture
def sara() -> Person:
    return cast.person("sara", roles=(Role.SYSTEM_ADMINISTRATOR,), sid="")


def saved(actor: Person, draft: Looks | None, picture: looks.Picture = KEEP, **changes: Any) -> Looks:
    revision = draft.version if draft else None
    return looks.save_draft(actor=actor, revision=revision, values=company.VALUES | changes, picture=picture)


def refused(verb: Any, **options: Any) -> str:
    """The code of the refusal; nothing else has changed."""
    before = list(Looks.objects.values_list("pk", "state", "version")), AuditEvent.objects.count()
    with pytest.raises(Refused) as caught:
        verb(**options)
    assert before == (list(Looks.objects.values_list("pk", "state", "version")), AuditEvent.objects.count())
    return caught.value.reason.code


def test_without_any_the_product_has_its_own() -> None:
    found = looks_queries.in_force()
    assert (found.officers_name, found.persons_name) == ("Identity Manager", "Self-Service")
    assert (found.colours, found.logo_sha256) == (None, "")


def test_two_officers_give_the_company_its_looks(sven: Person, sara: Person) -> None:
    draft = company.draft(sven)
    assert looks_queries.in_force().name == ""
    draft = looks.ask_activation(actor=sven, revision=draft.version)
    assert refused(looks.activate, actor=sven, revision=draft.version, four_eyes=True) == "own-draft"
    looks.activate(actor=sara, revision=draft.version, four_eyes=True)
    found = looks_queries.in_force()
    assert (found.officers_name, found.persons_name) == ("Contoso Trust", "Contoso Trust Self-Service")
    assert looks_queries.logo(found.logo_sha256) is not None
    told = AuditEvent.objects.filter(name=Event.CATALOGUE_CHANGED).order_by("pk")
    assert [event.facts["what"] for event in told] == ["looks-draft-saved", "looks-asked", "looks-activated"]


def test_the_next_version_retires_the_one_before(sven: Person) -> None:
    first = company.in_force(sven)
    second = saved(sven, None, name="Fabrikam")
    assert (second.number, second.logo_sha256) == (2, first.logo_sha256)
    looks.activate(actor=sven, revision=second.version, four_eyes=False)
    first.refresh_from_db()
    assert (first.state, looks_queries.in_force().name) == ("retired", "Fabrikam")


def test_back_to_ours(sven: Person) -> None:
    company.in_force(sven)
    assert refused(looks.back_to_ours, actor=sven, reason=" ") == "no-reason-to-refuse"
    looks.back_to_ours(actor=sven, reason="The company has another name.")
    assert looks_queries.in_force().officers_name == "Identity Manager"
    assert refused(looks.back_to_ours, actor=sven, reason="Again.") == "our-looks-already"


def test_a_refusal_goes_back_to_who_asked(sven: Person, sara: Person) -> None:
    draft = company.draft(sven)
    assert refused(looks.refuse_activation, actor=sara, revision=draft.version, reason="x") == "not-asked"
    draft = looks.ask_activation(actor=sven, revision=draft.version)
    assert refused(looks.ask_activation, actor=sven, revision=draft.version) == "activation-asked-already"
    draft = looks.refuse_activation(actor=sara, revision=draft.version, reason="Too blue.")
    assert (draft.reason, draft.waits()) == ("Too blue.", False)
    draft = saved(sven, draft, accent="#aa0000")
    assert (draft.reason, draft.asked_at) == ("", None)


def test_a_stale_page_changes_nothing(sven: Person, sara: Person) -> None:
    draft = company.draft(sven)
    options: dict[str, Any] = {"values": company.VALUES, "picture": looks.Picture()}
    assert refused(looks.save_draft, actor=sara, revision=None, **options) == "draft-exists"
    newer = saved(sara, draft, name="Fabrikam")
    for verb, more in (
        (looks.activate, {"four_eyes": False}),
        (looks.ask_activation, {}),
        (looks.discard, {}),
        (looks.save_draft, options),
    ):
        assert refused(verb, actor=sven, revision=draft.version, **more) == "draft-changed-meanwhile"
    looks.discard(actor=sven, revision=newer.version)
    assert refused(looks.save_draft, actor=sven, revision=newer.version, **options) == "draft-gone"
    assert refused(looks.activate, actor=sven, revision=newer.version, four_eyes=False) == "draft-gone"


def test_a_draft_that_changes_nothing_is_not_activated(sven: Person) -> None:
    draft = looks.save_draft(actor=sven, revision=None, values=company.EMPTY, picture=looks.Picture())
    assert refused(looks.activate, actor=sven, revision=draft.version, four_eyes=False) == "same-looks"
    assert refused(looks.ask_activation, actor=sven, revision=draft.version) == "same-looks"


def test_the_logo_stays_is_replaced_and_goes(sven: Person) -> None:
    first = company.draft(sven)
    same = saved(sven, first, name="Other")
    other = saved(sven, same, looks.Picture(file=company.picture("#aa0000")))
    gone = saved(sven, other, looks.Picture(remove=True))
    assert first.logo_sha256 == same.logo_sha256 != other.logo_sha256
    assert (gone.logo, gone.logo_sha256, gone.logo_width) == (None, "", 0)


def test_the_logo_of_a_draft_is_nobody_elses_to_see(sven: Person) -> None:
    draft = company.draft(sven)
    assert looks_queries.logo(draft.logo_sha256) is None
    assert looks_queries.logo("") is None


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("accent", "blue", "bad-value"),
        ("accent", "#12345g", "bad-value"),
        ("imprint", "http://contoso.example/", "bad-value"),
        ("imprint", "javascript:alert(1)", "bad-value"),
        ("privacy", "https://user@contoso.example/", "bad-value"),
        ("privacy", "https://[", "bad-value"),
        ("privacy", "https://contoso.example/ x", "bad-value"),
        ("name", "x" * 41, "bad-value"),
        ("name", "Con\u202etoso", "forbidden-characters"),
        ("help_desk", {"en": "x" * 161}, "bad-value"),
    ],
)
def test_what_does_not_fit_is_refused_at_its_field(sven: Person, field: str, value: Any, code: str) -> None:
    with pytest.raises(NotPossible) as caught:
        saved(sven, None, **{field: value})
    assert (caught.value.reason.code, caught.value.field) == (code, field)
    assert not Looks.objects.exists()


def test_others_change_nothing(sven: Person) -> None:
    row = company.in_force(sven)
    draft = saved(sven, None, name="Fabrikam")
    sam = cast.person("sam", roles=tuple(role for role in Role if role != Role.SYSTEM_ADMINISTRATOR), sid="")
    of_a_unit = cast.person("ulla", roles=(), sid="")
    of_a_unit.roles.create(role=Role.SYSTEM_ADMINISTRATOR, organisational_unit="Nord")
    for stranger in (sam, of_a_unit):
        for verb, options in (
            (looks.save_draft, {"values": company.VALUES, "picture": looks.Picture()}),
            (looks.ask_activation, {}),
            (looks.activate, {"four_eyes": False}),
            (looks.refuse_activation, {"reason": "x"}),
            (looks.discard, {}),
        ):
            with pytest.raises(NotAllowed):
                verb(actor=stranger, revision=draft.version, **options)
        with pytest.raises(NotAllowed):
            looks.back_to_ours(actor=stranger, reason="x")
    row.refresh_from_db()
    assert row.state == "active"


def test_two_first_drafts_at_once(sven: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second one began before the first one was there."""
    monkeypatch.setattr(looks, "_rows", dict)
    company.draft(sven)
    Looks.objects.update(number=7)
    with pytest.raises(Stale) as caught:
        company.draft(sven)
    assert caught.value.reason.code == "draft-exists"
