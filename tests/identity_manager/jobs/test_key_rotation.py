"""Key-encryption keys: what is alive moves under the new one; the old one goes when nothing needs it."""

import ast
import base64
import os
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from django.apps import apps
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings

from ca_bridge.database.binary_field import BytesField
from identity_manager.config import secret_files
from identity_manager.jobs import key_rotation, secret_stores
from identity_manager.models import Account, ArchivedKey, AuditEvent, SoftwareToken
from identity_manager.transactions.refusals import NotPossible
from identity_manager.vault import wrapping as vault
from identity_manager.vault.key_ring import KeyRing
from identity_manager.vault.wrapping import Purpose, VaultError
from identity_manager.workflow.archive import recovery_certificates
from tests.architecture.source import modules
from tests.tools import cast, recovery
from tests.tools.cast import Company

pytestmark = pytest.mark.long
SETTLED = key_rotation.GRACE_PERIOD + timedelta(minutes=1)


@pytest.fixture
def rings(settings: Settings, tmp_path: Path) -> dict[str, KeyRing]:
    secret_files.make(tmp_path)
    settings.VAULT_KEYS = {
        purpose.value: KeyRing.of_files(tmp_path / f"kek-{purpose.value}") for purpose in Purpose
    }
    return settings.VAULT_KEYS


@pytest.fixture
def token(db: None, rings: dict[str, KeyRing]) -> SoftwareToken:
    """Sealed; its passphrase waits under the first key."""
    return Company().request_in("issued").tokens.get()


def versions() -> dict[str, list[str]]:
    return {purpose: list(ring) for purpose, ring in settings_rings().items()}


def settings_rings() -> dict[str, KeyRing]:
    from django.conf import settings

    return dict(settings.VAULT_KEYS)


def rotate(*, wait: timedelta = timedelta(0)) -> None:
    key_rotation.rotate(actor=None, wait=wait)


def test_a_new_key_is_not_used_before_its_moment(token: SoftwareToken) -> None:
    rotate(wait=timedelta(minutes=5))
    assert vault.version_in_use(Purpose.PASSPHRASES) == "1"
    assert key_rotation.rewrap() == 0
    said = {each.epoch.version: each.is_needed for each in key_rotation.status(timezone.now())}
    assert said["1"] == "in use"
    assert said["2"].startswith("comes into use at ")
    with time_machine.travel(timezone.now() + timedelta(minutes=6)):
        assert vault.version_in_use(Purpose.PASSPHRASES) == "2"
        assert key_rotation.rewrap() == 1


def test_what_is_alive_moves_and_can_be_opened(token: SoftwareToken) -> None:
    secret = cast.shown(token)
    rotate()
    assert key_rotation.rewrap() == 1
    token.refresh_from_db()
    assert vault.version_of(token.passphrase_wrapped) == "2"
    assert cast.shown(token) == secret
    assert AuditEvent.objects.filter(name="keys.secrets-rewrapped").count() == 1


def test_a_row_that_moved_on_meanwhile_is_left_alone(
    token: SoftwareToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    rotate()
    rewrap = vault.rewrap

    def noted_meanwhile(content: bytes, **options: object) -> bytes:
        SoftwareToken.objects.filter(pk=token.pk).update(passphrase_wrapped=None)
        return rewrap(content, **options)

    monkeypatch.setattr(vault, "rewrap", noted_meanwhile)
    assert key_rotation.rewrap() == 0
    token.refresh_from_db()
    assert token.passphrase_wrapped is None


def test_the_old_key_stays_while_a_row_needs_it(token: SoftwareToken) -> None:
    rotate()
    with time_machine.travel(timezone.now() + SETTLED):
        destroyed = {each.purpose for each in key_rotation.destroy_unneeded()}
    assert destroyed == {"private-keys", "other", "share-transport"}
    assert versions()["passphrases"] == ["1", "2"]


def test_the_old_key_stays_until_no_process_can_use_it(token: SoftwareToken) -> None:
    rotate()
    key_rotation.rewrap()
    assert key_rotation.destroy_unneeded() == []
    with time_machine.travel(timezone.now() + SETTLED):
        assert len(key_rotation.destroy_unneeded()) == 4
    left = versions()
    assert (left.pop("archive"), left.pop("recovery-keys")) == (["1", "2"], ["1"])  # see below
    assert {tuple(each) for each in left.values()} == {("2",)}
    assert AuditEvent.objects.filter(name="keys.destroyed").count() == 4


def test_the_job_moves_first_and_destroys_at_its_next_run(token: SoftwareToken) -> None:
    rotate()
    with time_machine.travel(timezone.now() + SETTLED):
        assert key_rotation.rewrap_and_destroy() == "1 moved, 0 destroyed"
        assert key_rotation.rewrap_and_destroy() == "0 moved, 4 destroyed"
        assert key_rotation.rewrap_and_destroy() == ""


def test_keys_that_are_mounted_to_be_read_alone_are_left_to_who_mounts_them(
    token: SoftwareToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kubernetes and systemd do: the job goes on, and --status says that they can go."""
    rotate()
    key_rotation.rewrap()
    monkeypatch.setattr(os, "access", lambda _path, mode: mode != os.W_OK)
    with time_machine.travel(timezone.now() + SETTLED):
        assert key_rotation.destroy_unneeded() == []
        assert [each.epoch.version for each in key_rotation.status(timezone.now()) if not each.is_needed] == [
            "1"
        ] * 4


def test_what_cannot_be_opened_keeps_nothing_behind_it(
    token: SoftwareToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_rotation, "AT_ONCE", 1)
    ada = token.request.requested_by
    other = cast.issued(cast.accepted(cast.enabled(ada, cast.person("ulf", sid="")))).tokens.get()
    first, second = sorted((token, other), key=lambda each: each.pk)
    content = first.passphrase_wrapped
    assert content is not None
    rotate()
    damaged = content[:-1] + bytes([content[-1] ^ 1])
    SoftwareToken.objects.filter(pk=first.pk).update(passphrase_wrapped=damaged)
    with pytest.raises(VaultError):
        key_rotation.rewrap()
    assert key_rotation.count(Purpose.PASSPHRASES) == {"1": 1, "2": 1}
    second.refresh_from_db()
    assert vault.version_of(second.passphrase_wrapped or b"") == "2"


@pytest.mark.parametrize("which", ["second factors", "passphrases"])
def test_nor_does_what_is_not_even_wrapped_and_the_log_says_so_once(
    token: SoftwareToken, caplog: pytest.LogCaptureFixture, which: str
) -> None:
    """Of a second factor, or a column: each place is moved, and what was moved is in the audit log."""
    ada = token.request.requested_by
    others = [
        cast.issued(cast.accepted(cast.enabled(ada, cast.person(name, sid="")))).tokens.get()
        for name in ("ulf", "udo", "una")
    ]
    account = Account.objects.create_account(
        username="otto", person=cast.person("otto", sid=""), password=None
    )
    if which == "second factors":
        Authenticator.objects.create(user=account, type="totp", data={"secret": "plain"})
        Authenticator.objects.create(user=account, type="recovery_codes", data={"seed": "plain"})
    else:
        SoftwareToken.objects.filter(pk__in=[each.pk for each in others[:2]]).update(passphrase_wrapped=b"")
    rotate()
    with pytest.raises(VaultError):
        key_rotation.rewrap()
    last = SoftwareToken.objects.get(pk=others[-1].pk)
    assert vault.version_of(last.passphrase_wrapped or b"") == "2"
    assert AuditEvent.objects.filter(name="keys.secrets-rewrapped").exists()
    (line,) = [each for each in caplog.messages if "left under their keys" in each]
    assert line.startswith("2 secrets")


def test_nothing_is_destroyed_where_rows_cannot_be_counted(token: SoftwareToken) -> None:
    rotate()
    SoftwareToken.objects.filter(pk=token.pk).update(passphrase_wrapped=b"\x05no")
    with time_machine.travel(timezone.now() + SETTLED), pytest.raises(VaultError):
        key_rotation.destroy_unneeded()
    without_epochs = versions().pop("recovery-keys")
    assert {tuple(each) for each in versions().values()} - {tuple(without_epochs)} == {("1", "2")}


def test_the_only_key_is_never_destroyed(token: SoftwareToken) -> None:
    with time_machine.travel(timezone.now() + timedelta(days=4000)):
        assert key_rotation.destroy_unneeded() == []


@pytest.fixture
def app(rings: dict[str, KeyRing], db: None) -> Authenticator:
    """An authenticator app; its secret lies under the first key."""
    account = Account.objects.create_account(
        username="ada", person=cast.person("ada"), password="long enough"
    )
    data = {"secret": secret_of(account)}
    return Authenticator.objects.create(user=account, type=Authenticator.Type.TOTP, data=data)


def secret_of(account: Account) -> str:
    wrapped = vault.wrap(b"JBSWY3DPEHPK3PXP", purpose=Purpose.OTHER, record=account.pk)
    return f"{account.pk}:{base64.b64encode(wrapped).decode()}"


def test_the_secrets_of_second_factors_move_too(app: Authenticator) -> None:
    account = app.user
    rotate()
    assert key_rotation.rewrap() == 1
    assert key_rotation.count(Purpose.OTHER) == {"2": 1}
    app.refresh_from_db()
    owner, _colon, moved = app.data["secret"].partition(":")
    assert owner == str(account.pk)
    opened = vault.unwrap(base64.b64decode(moved), purpose=Purpose.OTHER, record=account.pk)
    assert opened == b"JBSWY3DPEHPK3PXP"


def test_a_second_factor_that_was_made_anew_meanwhile_is_left_alone(
    app: Authenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    rotate()
    rewrap, anew = vault.rewrap, secret_of(app.user)

    def made_anew(content: bytes, **options: object) -> bytes:
        Authenticator.objects.filter(pk=app.pk).update(data={"secret": anew})
        return rewrap(content, **options)

    monkeypatch.setattr(vault, "rewrap", made_anew)
    assert key_rotation.rewrap() == 0
    app.refresh_from_db()
    assert app.data == {"secret": anew}


def test_a_process_without_the_new_key_says_so_and_changes_nothing(
    token: SoftwareToken, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    rotate()
    key_rotation.rewrap()
    only_old = KeyRing.fixed(f"1:{settings.VAULT_KEYS['passphrases']['1']}")
    settings.VAULT_KEYS = {**settings.VAULT_KEYS, "passphrases": only_old}
    with pytest.raises(NotPossible, match="cannot be opened here"):
        cast.shown(token)
    assert "does not hold key 2" in caplog.text
    token.refresh_from_db()
    assert token.passphrase_shown == 0


def test_each_place_where_secrets_are_wrapped_is_counted() -> None:
    """A column of wrapped secrets that nobody counts would lose them with the next key."""
    named = {
        (place.model, place.column)
        for place in secret_stores.SECRET_STORES
        if isinstance(place, secret_stores.WrappedColumn)
    }
    columns = {
        (model, field.name)
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if isinstance(field, BytesField) and field.name.endswith("_wrapped")
    }
    assert columns <= named
    callers = {
        module.name
        for module in modules()
        for node in module.nodes
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "vault.wrap"
    }
    assert callers <= {
        "identity_manager.workflow.issuance.drafting",
        "identity_manager.events.webhook_secrets",
        "identity_manager.workflow.step6_passphrase",
        "identity_manager.people.sign_in.second_factors",
        "identity_manager.workflow.archive.recovery_certificates",
        "identity_manager.workflow.archive.intake",
        "identity_manager.workflow.archive.drills",
        "identity_manager.workflow.archive.readdressing",
        "identity_manager.workflow.archive.share_rounds",
        "identity_manager.workflow.targets.handover",
        "identity_manager.workflow.recovery.sealed_decisions",
        "identity_manager.workflow.token_imports.decisions",
        # In a session: without its key, signing out sends no hint.
        "identity_manager.account.single_sign_on.sso_sign_out",
    }


# --- The archive -----------------------------------------------------------------------------------
def archived_key(token: SoftwareToken) -> ArchivedKey:
    row = ArchivedKey(owner=token.person, public_key_sha256="ab" * 32)
    row.envelope_wrapped = vault.wrap(b"envelope", purpose=Purpose.ARCHIVE, record=row.pk, owner=row.owner_id)
    row.save()
    return row


def old_keys(after: timedelta) -> dict[str, str]:
    """Why the first key of each ring is needed after so much time."""
    with time_machine.travel(timezone.now() + after):
        return {s.purpose: s.is_needed for s in key_rotation.status(timezone.now()) if s.epoch.version == "1"}


def test_an_archived_key_moves_and_its_old_key_stays_as_long_as_backups(
    token: SoftwareToken, settings: Settings
) -> None:
    row = archived_key(token)
    rotate()
    key_rotation.rewrap()
    row.refresh_from_db()
    assert vault.version_of(row.envelope_wrapped) == "2"
    opened = vault.unwrap(row.envelope_wrapped, purpose=Purpose.ARCHIVE, record=row.pk, owner=row.owner_id)
    assert opened == b"envelope"

    assert old_keys(SETTLED)["private-keys"] == ""
    assert "backups" in old_keys(timedelta(days=settings.BACKUP_KEPT_DAYS - 1))["archive"]
    assert old_keys(timedelta(days=settings.BACKUP_KEPT_DAYS, minutes=1))["archive"] == ""


def test_keys_that_seal_recovery_certificates_stay_as_long_as_backups(
    token: SoftwareToken, settings: Settings
) -> None:
    """Else nobody could recover what was archived, after a restore of a backup from before the rotation."""
    certificate = recovery.in_force(recovery.officers())
    rotate()
    moved_after = timedelta(hours=3)
    with time_machine.travel(timezone.now() + moved_after):
        key_rotation.rewrap()
    certificate.refresh_from_db()
    assert recovery_certificates.is_as_confirmed(certificate)
    kept = timedelta(days=settings.BACKUP_KEPT_DAYS)
    assert "backups" in old_keys(kept + moved_after - timedelta(minutes=1))["other"]
    assert old_keys(kept + moved_after + timedelta(minutes=1))["other"] == ""


def test_without_recovery_certificates_no_backup_needs_a_key_for_other_secrets(token: SoftwareToken) -> None:
    rotate()
    key_rotation.rewrap()
    assert old_keys(SETTLED)["other"] == ""


def test_an_archived_key_that_is_given_to_somebody_else_opens_no_more(token: SoftwareToken) -> None:
    row, thief = archived_key(token), cast.person("thief", sid="")
    ArchivedKey.objects.update(owner=thief)
    row.refresh_from_db()
    with pytest.raises(VaultError):
        vault.unwrap(row.envelope_wrapped, purpose=Purpose.ARCHIVE, record=row.pk, owner=row.owner_id)
    with pytest.raises(VaultError):
        vault.unwrap(row.envelope_wrapped, purpose=Purpose.ARCHIVE, record=row.pk)


def test_online_recovery_keys_have_no_epochs(rings: dict[str, KeyRing], db: None) -> None:
    rotate()
    assert list(rings["recovery-keys"]) == ["1"]
    assert "recovery-keys" not in {each.purpose for each in key_rotation.status(timezone.now())}


# --- The command -----------------------------------------------------------------------------------
def test_the_command_makes_a_key_for_each_ring_and_says_what_comes(
    token: SoftwareToken, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("rotate_keys", wait=0)
    said = capsys.readouterr().out
    assert said.count("key 2 in ") == 5
    assert AuditEvent.objects.filter(name="keys.rotated").count() == 5
    assert "recovery" not in said

    call_command("rotate_keys", status=True)
    said = capsys.readouterr().out
    assert "passphrases   key 1    its successor has been in use for less than 15 minutes" in said
    with time_machine.travel(timezone.now() + SETTLED):
        call_command("rotate_keys", status=True)
        assert "passphrases   key 1    1 rows are wrapped under it" in capsys.readouterr().out
        call_command("rotate_keys", tend=True)
        assert "1 moved" in capsys.readouterr().out


def test_the_command_says_what_to_do_with_keys_from_the_environment(
    db: None, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    key = KeyRing.fixed(f"1:{'A' * 43}=")
    settings.VAULT_KEYS = {purpose.value: key for purpose in Purpose}
    call_command("rotate_keys", wait=0)
    said = capsys.readouterr().out
    assert "Add a line to KEYS_PASSPHRASES" in said
    assert "A" * 43 not in said


@pytest.mark.parametrize("wait", [-1, 525_601, 10**15])
def test_the_command_refuses_a_wait_that_is_none(db: None, wait: int) -> None:
    with pytest.raises(CommandError, match="--wait takes a number of minutes"):
        call_command("rotate_keys", wait=wait)


def test_the_command_refuses_without_keys(db: None, settings: Settings) -> None:
    settings.VAULT_KEYS = {purpose.value: KeyRing.fixed("") for purpose in Purpose}
    with pytest.raises(CommandError, match="holds no key"):
        call_command("rotate_keys")


def test_the_key_of_the_audit_log_gets_a_successor_and_stays(
    db: None, settings: Settings, tmp_path: Path
) -> None:
    secret_files.make(tmp_path)
    settings.AUDIT_KEYS = KeyRing.of_files(tmp_path / "audit-keys")
    call_command("rotate_keys", audit=True, wait=0)
    assert list(settings.AUDIT_KEYS) == ["1", "2"]
