"""Key-encryption keys in a key service or HSM: beside those of files, and waited for where they are away."""

import base64
import json
import uuid
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import RequestFactory
from django.utils import timezone

from identity_manager.account.single_sign_on import sso_sign_out
from identity_manager.config.checks import keys as key_checks
from identity_manager.console.start import health
from identity_manager.jobs import key_rotation
from identity_manager.management.doctor import keys as doctor
from identity_manager.models import Account, Certificate, Role, SoftwareToken
from identity_manager.vault import wrapping as vault
from identity_manager.vault.key_encryption import KeyServiceDown, KeyVersionClosed
from identity_manager.vault.key_ring import KeyRing
from identity_manager.vault.transit_key import KeyService
from identity_manager.vault.wrapping import Purpose, VaultError
from identity_manager.workflow import step5_issue
from identity_manager.workflow.issuance import containers
from tests.identity_manager.vault.transit_stub import TOKEN, Service, moved_to
from tests.tools import cast
from tests.tools.cast import Company

pytestmark = pytest.mark.long

OTHER, RECORD, OWNER = Purpose.OTHER, uuid.uuid4(), uuid.uuid4()


def wrapped(secret: bytes = b"secret") -> bytes:
    return vault.wrap(secret, purpose=OTHER, record=RECORD, owner=OWNER)


def opened(content: bytes, **other: Any) -> bytes:
    return vault.unwrap(content, **({"purpose": OTHER, "record": RECORD, "owner": OWNER} | other))


@pytest.mark.django_db
def test_secrets_of_files_and_of_the_service_open_beside_each_other(service: Service, rings: Any) -> None:
    of_file = wrapped()
    moved_to("transit:im-other:1")
    first = wrapped()
    moved_to("transit:im-other:2")
    second = wrapped()
    assert [vault.version_of(each) for each in (of_file, first, second)] == ["1", "2", "3"]
    assert {opened(each) for each in (of_file, first, second)} == {b"secret"}
    again = vault.rewrap(of_file, purpose=OTHER, record=RECORD, owner=OWNER)
    assert (vault.version_of(again), opened(again)) == ("3", b"secret")
    path, body = service.asked[-1]
    assert (path, b"secret" not in json.dumps(service.asked).encode()) == (
        "/v1/transit/decrypt/im-other",
        True,
    )
    assert base64.b64decode(body["associated_data"]) == b"other|" + RECORD.bytes + b"|" + OWNER.bytes
    # A release without key services looks for a key of this name, and refuses by it.
    assert second[1 : 1 + second[0]] == b"e:3"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "other",
    [{"record": uuid.uuid4()}, {"owner": uuid.uuid4()}, {"owner": None}, {"purpose": Purpose.PASSPHRASES}],
)
def test_a_secret_is_bound_to_its_row(service: Service, rings: Any, other: dict[str, Any]) -> None:
    for purpose in (OTHER, Purpose.PASSPHRASES):
        moved_to("transit:im:1", purpose)
    with pytest.raises(VaultError, match="does not belong"):
        opened(wrapped(), **other)
    secret = wrapped()
    flipped = secret[:-1] + bytes([secret[-1] ^ 1])
    for changed in (flipped, secret.replace(b"vault:v1:", b"vault:v2:")):
        with pytest.raises(VaultError, match="does not belong"):
            opened(changed)
    for cut in (b"", b"\x03e:2", b"\x03e:2\x00\x00" + b"x" * 60, wrapped()[:40]):
        with pytest.raises(VaultError, match="no wrapped secret"):
            vault.version_of(cut)


@pytest.mark.django_db
@pytest.mark.parametrize("fault", [503, 403, 404, 429, 500, 302, 400])
def test_a_service_that_is_away_is_no_lost_secret(service: Service, rings: Any, fault: int) -> None:
    moved_to("transit:im-other:1")
    content = wrapped()
    service.fault = fault
    for call in (wrapped, lambda: opened(content)):
        with pytest.raises(KeyServiceDown) as away:
            call()
        assert TOKEN not in str(away.value)
        assert away.value.__cause__ is None
    service.fault = 0
    assert opened(content) == b"secret"


@pytest.mark.django_db
def test_a_version_that_the_service_does_not_open_is_named(service: Service, rings: Any) -> None:
    moved_to("transit:im-other:1")
    content = wrapped()
    service.closed = {"1"}
    with pytest.raises(KeyVersionClosed, match="does not open key im-other:1"):
        opened(content)
    service.closed = set()
    assert opened(content) == b"secret"


@pytest.mark.django_db
def test_nothing_listens_or_there_is_no_token(service: Service, rings: Any, settings: Any) -> None:
    moved_to("transit:im-other:1")
    content, path = wrapped(), Path(settings.KEY_SERVICE.token_file)
    path.write_text("of-yesterday", encoding="utf-8")
    with pytest.raises(KeyServiceDown, match="answers 403"):
        opened(content)
    path.write_text(TOKEN, encoding="utf-8")  # as an agent renews it
    assert opened(content) == b"secret"
    path.unlink()
    with pytest.raises(KeyServiceDown, match="FileNotFoundError"):
        opened(content)
    settings.KEY_SERVICE = KeyService("http://127.0.0.1:9", str(path))
    path.write_text(TOKEN, encoding="utf-8")
    with pytest.raises(KeyServiceDown, match="does not answer"):
        opened(content)


# --- Rotation --------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_from_a_file_to_the_service_and_on(
    service: Service, rings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = Company().request_in("issued").tokens.get()
    out = StringIO()
    call_command("rotate_keys", "--key", "passphrases=transit:im-passphrases:1", "--wait", "0", stdout=out)
    assert "passphrases: transit:im-passphrases:1 is key 2" in out.getvalue()
    assert key_rotation.rewrap() == 1
    token = SoftwareToken.objects.get(pk=token.pk)
    assert vault.version_of(token.passphrase_wrapped) == "2"
    assert len(containers.open_passphrase(token)) == 29

    later = timezone.now() + key_rotation.GRACE_PERIOD + timedelta(minutes=1)
    monkeypatch.setattr(timezone, "now", lambda: later)
    (gone,) = key_rotation.destroy_unneeded()
    assert (gone.purpose, gone.epoch.version) == ("passphrases", "1")
    moved_to("transit:im-passphrases:2", Purpose.PASSPHRASES)
    made = {purpose.value for purpose, _epoch in key_rotation.rotate(actor=None, wait=timedelta(0))}
    assert "passphrases" not in made
    assert key_rotation.in_key_service() == [Purpose.PASSPHRASES]
    assert key_rotation.rewrap() == 1
    still = later + key_rotation.GRACE_PERIOD + timedelta(minutes=1)
    monkeypatch.setattr(timezone, "now", lambda: still)
    assert "passphrases" not in {each.purpose for each in key_rotation.destroy_unneeded()}
    out = StringIO()
    call_command("rotate_keys", "--status", stdout=out)
    assert "can go; transit:im-passphrases:1;" in out.getvalue()


@pytest.mark.django_db
def test_a_secret_under_a_closed_version_does_not_hold_up_the_others(service: Service, rings: Any) -> None:
    company = Company()
    moved_to("transit:im-passphrases:1", Purpose.PASSPHRASES)
    first = company.request_in("issued").tokens.get()
    moved_to("transit:im-passphrases:2", Purpose.PASSPHRASES)
    second = cast.issued(cast.accepted(cast.enabled(company.ada, company.sam, company.vpn))).tokens.get()
    moved_to("transit:im-passphrases:3", Purpose.PASSPHRASES)
    service.closed = {"1"}
    with pytest.raises(KeyVersionClosed):
        key_rotation.rewrap()
    tokens = SoftwareToken.objects.in_bulk()
    versions = [vault.version_of(tokens[each.pk].passphrase_wrapped) for each in (first, second)]
    assert versions == ["2", "4"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("roles=transit:x:1", "--key names one of"),
        ("other=AAAA", "use transit:NAME:VERSION"),
        ("other=transit:x:0", "use transit:NAME:VERSION"),
        ("share-transport=transit:x:1", "use transit:NAME:VERSION"),
        ("other=transit:../sys:1", "use transit:NAME:VERSION"),
        ("other=transit:im-other:1", "answers 503"),
    ],
)
def test_a_key_that_does_not_work_is_not_taken(service: Service, rings: Any, given: str, told: str) -> None:
    service.fault = 503
    with pytest.raises(CommandError, match=told):
        call_command("rotate_keys", "--key", given, stdout=StringIO())
    assert [len(ring) for ring in rings.values()] == [1] * len(rings)


# --- What waits ------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_issuing_waits_for_the_service_and_goes_on(service: Service, rings: Any) -> None:
    company = Company()
    moved_to("transit:im-private:1", Purpose.PRIVATE_KEYS)
    request = company.request_in("issuing")
    certificate = Certificate.objects.get(token__request=request)
    service.fault = 503
    with pytest.raises(KeyServiceDown):
        step5_issue.issue(certificate_id=certificate.pk)
    certificate.refresh_from_db()
    assert (certificate.last_error, certificate.leased_until) == ("KeyServiceDown", None)
    assert certificate.next_attempt_at is not None
    assert certificate.private_key_wrapped is None
    officer = cast.person("sven", roles=(Role.SYSTEM_ADMINISTRATOR,))
    rows = health.figures(officer)["keys_certificates"].rows
    assert rows is not None
    assert list(rows()) == [certificate]

    service.fault = 0
    Certificate.objects.update(next_attempt_at=timezone.now())
    cast.issued(request)
    assert not Certificate.objects.waiting_for_keys().exists()


@pytest.mark.django_db
def test_a_passphrase_waits_and_its_page_says_so(service: Service, rings: Any) -> None:
    from django.urls import reverse

    from tests.tools.sign_in import signed_in

    company = Company()
    moved_to("transit:im-passphrases:1", Purpose.PASSPHRASES)
    token = company.request_in("issued").tokens.get()
    browser = signed_in(company.uma, 0)
    browser.raise_request_exception = False
    service.fault = 503
    page = browser.post(reverse("selfservice:passphrase", args=[token.pk]))
    assert page.status_code == 503
    assert "wait there unharmed" in page.content.decode()
    token.refresh_from_db()
    assert (token.passphrase_shown, token.passphrase_wrapped is None) == (0, False)
    service.fault = 0
    assert browser.post(reverse("selfservice:passphrase", args=[token.pk])).status_code == 200


@pytest.mark.django_db
def test_nobody_is_kept_from_signing_in_or_out(service: Service, rings: Any, rf: RequestFactory) -> None:
    request = rf.get("/")
    request.user = account = Account.objects.create(username="uma", person=cast.person("uma"))
    moved_to("transit:im-other:1")
    kept = sso_sign_out._wrapped(account, "id-token")
    assert sso_sign_out._token(request, kept) == "id-token"
    service.fault = 503
    assert sso_sign_out._token(request, kept) == sso_sign_out._wrapped(account, "id-token") == ""


# --- Settings and doctor ---------------------------------------------------------------------------
def codes() -> set[str]:
    return {finding.code for finding in key_checks.findings()}


def test_the_settings_have_to_fit(rings: Any, settings: Any) -> None:
    reference = KeyRing.fixed("1:transit:im:1")
    settings.VAULT_KEYS = {**rings, "other": reference}
    assert codes() == {"E322"}
    settings.KEY_SERVICE = KeyService("https://bao.example.com", "token")
    assert codes() == set()
    settings.VAULT_KEYS = {**rings, "share-transport": reference}
    assert codes() == {"E303"}
    settings.VAULT_KEYS = {**rings, "other": KeyRing.fixed("1:pkcs11:im-other")}
    assert codes() == {"E322"}


@pytest.mark.django_db
def test_the_doctor_tries_each_key(service: Service, rings: Any) -> None:
    assert [each.says for each in doctor.elsewhere()] == ["No ring refers to a key service or HSM."]
    moved_to("transit:im-other:1")
    (fine,) = doctor.elsewhere()
    assert "Key 2 of other (transit:im-other:1) wraps and opens." in fine.says
    service.fault = 503
    (away,) = doctor.elsewhere()
    assert "nothing is lost" in away.says
