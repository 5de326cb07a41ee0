"""ADMIN, Directories: what each officer sees, starts and decides."""

import pytest
from django.urls import reverse

from identity_manager.console.directory import settings_words
from identity_manager.directory.configuration import LEAVERS, TRUST
from identity_manager.directory.ldap import source as ldap_source
from identity_manager.models import DirectorySource, Person, Role, RunMode, RunState, ScimToken
from identity_manager.people.api_access import scim_tokens
from tests.tools import cast, directory
from tests.tools.directory import FakeDirectory, run
from tests.tools.sign_in import signed_in

pytestmark = [pytest.mark.django_db]
LIST = reverse("console:directories")
SOURCE = reverse("console:directory-source", args=["corp"])
MAKE = reverse("console:scim-client-make", args=["scim"])


@pytest.fixture
def corp(monkeypatch: pytest.MonkeyPatch, settings: object) -> FakeDirectory:
    options = {"options": {"url": "ldaps://dc1.example"}}
    fake = directory.install(monkeypatch, settings, directory.configured(**options))
    for number in range(3):
        fake.add(f"p{number}", sid=f"S-1-5-21-7-8-9-{number}")
    return fake


def rita() -> Person:
    return cast.person("rita")


def sven() -> Person:
    return cast.person("sven", roles=(Role.SYSTEM_ADMINISTRATOR,))


def test_sources_with_mapping_and_runs_and_no_secret(corp: FakeDirectory) -> None:
    run()
    client = signed_in(sven())
    for page in (LIST, SOURCE):
        text = client.get(page).content.decode()
        assert "Corp" in text
        assert corp.configuration.secret not in text
    assert "ldaps://dc1.example" in text
    assert "New: 3" in text


def test_the_settings_are_said_in_words() -> None:
    said = {
        "options": {"url": "ldaps://dc1.example", "flavour": "generic", "start_tls": False, "own": "x"},
        "leavers": {"disabled": "lock"},
        "lock_after_days": 14,
        "trust": {"upn_suffixes": ["example.com"]},
    }
    configuration = directory.configured(**said)
    pairs = [(str(pair.label), str(pair.value)) for pair in settings_words.pairs(configuration)]
    assert pairs == [
        ("Address", "ldaps://dc1.example"),
        ("Kind of directory", "another LDAP directory"),
        ("StartTLS", "no"),
        ("own", "x"),
        ("Who is leaving", "becomes Inactive"),
        ("Who is disabled", "is locked for good"),
        ("Whose account has expired", "becomes Inactive"),
        ("Who is absent", "becomes Inactive"),
        ("Who stays absent", "is locked for good after 14 days"),
        ("UPN suffixes that are believed", "example.com"),
    ]


def test_every_setting_of_a_source_has_words() -> None:
    assert settings_words.OPTIONS.keys() >= ldap_source.OPTIONS | {"folder", "holds"}
    assert settings_words.LEAVERS.keys() == LEAVERS.keys()
    assert settings_words.TRUST.keys() == TRUST


def test_a_system_administrator_starts_a_dry_run_and_sees_numbers_but_no_persons(corp: FakeDirectory) -> None:
    client = signed_in(sven())
    answer = client.post(reverse("console:directory-start", args=["corp"]), {"mode": "dry"})
    assert answer.status_code == 302
    assert DirectorySource.objects.get().wanted == RunMode.DRY
    dry = run()

    text = client.get(reverse("console:directory-run", args=[dry.pk])).content.decode()

    assert "New: 3" in text
    assert "P0 Falk" not in text
    assert not Person.objects.filter(personnel_number="D-p0").exists()


def test_a_registration_officer_sees_the_diff(corp: FakeDirectory) -> None:
    run()
    corp.add("p0", sid="S-1-5-21-7-8-9-0", department="Sales")
    dry = run(RunMode.DRY)

    text = signed_in(rita()).get(reverse("console:directory-run", args=[dry.pk])).content.decode()

    assert "Department: Research → Sales" in text


def test_two_officers_let_a_stopped_run_go_on(corp: FakeDirectory) -> None:
    run()
    corp.entries = {}
    stopped = run(RunMode.IDS)
    page = reverse("console:directory-run", args=[stopped.pk])
    go_on = reverse("console:directory-run-let-go-on", args=[stopped.pk])
    first, second = signed_in(rita()), signed_in(cast.person("rolf", roles=(Role.REGISTRATION_OFFICER,)))
    text = first.get(page).content.decode()
    assert text.count("3 persons would leave") == 1
    assert "Nothing was different." not in text
    assert reverse("console:directory-source", args=["corp"]) in text, "the way back"
    assert "Stopped directory runs" in first.get(reverse("console:approvals")).content.decode()

    assert first.post(go_on).status_code == 302
    assert first.post(go_on).status_code == 403
    assert second.post(go_on).status_code == 302

    assert run().state == RunState.DONE
    assert second.post(go_on).status_code == 409


def test_dropping_wants_a_reason(corp: FakeDirectory) -> None:
    run()
    corp.entries = {}
    stopped = run(RunMode.IDS)
    client, drop = signed_in(rita()), reverse("console:directory-run-drop", args=[stopped.pk])
    assert client.get(drop).status_code == 200
    assert client.post(drop, {"reason": ""}).status_code == 422
    assert client.post(drop, {"reason": "Maintenance"}).status_code == 302
    assert "Maintenance" in client.get(reverse("console:directory-run", args=[stopped.pk])).content.decode()


def test_a_directory_that_is_down_is_told_on_its_page(corp: FakeDirectory) -> None:
    corp.breaks_off = 0
    broken = run()

    text = signed_in(rita()).get(reverse("console:directory-run", args=[broken.pk])).content.decode()

    assert "The directory stopped." in text
    assert "nobody counts as absent" in text


def test_two_system_administrators_let_a_scim_client_write() -> None:
    """Its token is shown once, on the page that made it, and never again."""
    clients = reverse("console:scim-clients", args=["scim"])
    first, second = (
        signed_in(sven(), 0),
        signed_in(cast.person("sofia", roles=(Role.SYSTEM_ADMINISTRATOR,)), 0),
    )
    page = first.post(reverse("console:scim-client-make", args=["scim"]), {"name": "Entra", "days": 30})
    secret = page.context["secret"]
    assert secret in page.content.decode()
    token = ScimToken.objects.get()
    assert secret not in first.get(clients).content.decode()
    confirm = reverse("console:scim-client-confirm", args=[token.pk])
    assert str(scim_tokens.OWN_SCIM_TOKEN.sentence) in first.post(confirm).content.decode()
    assert confirm in second.get("/open-tasks/").content.decode()
    assert "Acts" not in second.get(clients).content.decode()
    assert second.post(confirm).status_code == 302
    assert "Acts" in second.get(clients).content.decode()
    assert scim_tokens.used(source="scim", secret=secret) == token
    assert second.post(reverse("console:scim-client-revoke", args=[token.pk])).status_code == 302
    assert "Revoked" in second.get(clients).content.decode()
    assert scim_tokens.used(source="scim", secret=secret) is None


def test_a_token_without_a_name_is_not_made() -> None:
    page = signed_in(sven(), 0).post(
        reverse("console:scim-client-make", args=["scim"]), {"name": "", "days": 0}
    )
    assert page.status_code == 422
    assert not ScimToken.objects.exists()


def test_a_directory_that_is_read_has_no_clients() -> None:
    assert signed_in(sven()).get(reverse("console:scim-clients", args=["drop"])).status_code == 404
