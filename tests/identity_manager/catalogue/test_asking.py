"""What the linter and the checks say before anything is asked for, or put in force."""

from typing import Any

import pytest
from django.db import connection

from identity_manager import audit
from identity_manager.catalogue import comparison, profiles, types
from identity_manager.models import CertificateProfile, Person, Role
from identity_manager.transactions.refusals import NotPossible, Stale
from tests.tools import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.nightly_on_postgresql]


@pytest.fixture
def sven() -> Person:
    return cast.person("sven", roles=(Role.SYSTEM_ADMINISTRATOR,))


def draft(actor: Person, **changes: Any) -> CertificateProfile:
    values = comparison.content_of(cast.profile("pattern")) | changes
    return profiles.add_profile_version(actor=actor, code="wlan", values=values)


def decide(what: str, actor: Person, row: CertificateProfile, *, revision: int | None) -> CertificateProfile:
    if what == "ask":
        return profiles.ask_activation(actor=actor, profile_id=row.pk, revision=revision)
    return profiles.activate_profile(actor=actor, profile_id=row.pk, four_eyes=False, revision=revision)


@pytest.mark.parametrize("what", ["ask", "activate"])
def test_nobody_waits_for_a_linter(sven: Person, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    """While a transaction is open nobody else writes on SQLite: what takes its time is done outside any."""
    row, seen = draft(sven), []
    outside, preview = len(connection.atomic_blocks), profiles.preview

    def looking(*profile: Any) -> Any:
        seen.append(len(connection.atomic_blocks))
        return preview(*profile)

    monkeypatch.setattr(profiles, "preview", looking)
    decide(what, sven, row, revision=row.version)
    assert seen == [outside]


@pytest.mark.parametrize("what", ["ask", "activate"])
def test_what_is_changed_while_it_is_linted_is_not_decided_on(
    sven: Person, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """Whoever names no revision means what the linter has seen."""
    row, preview = draft(sven), profiles.preview

    def meanwhile(*profile: Any) -> Any:
        profiles.change_profile(actor=sven, profile_id=row.pk, revision=None, values={"name": "Other"})
        return preview(*profile)

    monkeypatch.setattr(profiles, "preview", meanwhile)
    with pytest.raises(Stale):
        decide(what, sven, row, revision=None)
    row.refresh_from_db()
    assert (str(row.name), row.state, row.asked_at) == ("Other", "draft", None)


def test_what_is_refused_is_not_recorded_first(sven: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = draft(sven, subject_alt_names=[["uri", "http:{upn}"]])
    pinned = cast.profile("client")
    fields = {"name": "X", "description": "x", "terms": cast.terms(), "kinds": ["employee"]}
    kind = types.add_type_version(actor=sven, code="x", values=fields, profiles=[pinned])
    pinned.retire()
    pinned.save()
    monkeypatch.setattr(audit, "record", lambda *_args, **_named: pytest.fail("It was recorded."))
    with pytest.raises(NotPossible):
        profiles.ask_activation(actor=sven, profile_id=bad.pk, revision=bad.version)
    with pytest.raises(NotPossible):
        types.ask_activation(actor=sven, type_id=kind.pk, revision=kind.version)
