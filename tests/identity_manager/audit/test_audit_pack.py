"""The audit pack: what is in it, who takes it, and that its proof finds what somebody has changed."""

import csv
import io
import json
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from identity_manager import audit, audit_proof
from identity_manager.audit import evidence, heads, sealing
from identity_manager.console.audit import audit_pack
from identity_manager.models import AuditEvent, AuditHead, Person, Role, SoftwareToken, TokenState
from tests.tools import cast
from tests.tools.cast import Company
from tests.tools.sign_in import signed_in

ADDRESS = "/history/pack/"


@pytest.fixture
def auditor(company: Company) -> Person:
    return cast.person("olga", roles=(Role.AUDITOR,), sid="")


def days(first: int = 1, last: int = 0) -> dict[str, str]:
    """Of so many days ago."""
    today = timezone.localdate()
    return {
        "since": (today - timedelta(days=first)).isoformat(),
        "until": (today - timedelta(days=last)).isoformat(),
    }


def taken(auditor: Person, **period: str) -> bytes:
    response = signed_in(auditor).post(ADDRESS, period or days())
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/zip"
    return b"".join(response)


def rows(pack: bytes, name: str) -> list[dict[str, str]]:
    with zipfile.ZipFile(io.BytesIO(pack)) as opened:
        text = opened.read(name).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def problems(pack: bytes) -> list[str]:
    head = AuditHead.objects.newest()
    assert head is not None
    with zipfile.ZipFile(io.BytesIO(pack)) as opened:
        return list(audit_proof.problems_of_pack(opened, [head.public_key]))


def changed(pack: bytes, name: str, change: Callable[[list[str]], list[str]]) -> bytes:
    """The pack with the lines of one file changed."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(pack)) as old, zipfile.ZipFile(out, "w") as new:
        for each in old.namelist():
            content = old.read(each)
            if each == name:
                content = "".join(f"{line}\n" for line in change(content.decode().splitlines())).encode()
            new.writestr(each, content)
    return out.getvalue()


@pytest.fixture
def pack(log: list[AuditEvent], auditor: Person) -> bytes:
    sealing.seal()
    heads.make(*_end(), kind=heads.HeadKind.HEAD)
    return taken(auditor)


def _end() -> tuple[int, str]:
    last = AuditEvent.objects.sealed().last()
    assert last is not None
    assert last.number is not None
    return last.number, last.chain


def test_decisions_and_roles_are_in_the_tables(pack: bytes, auditor: Person) -> None:
    assert {row["event"] for row in rows(pack, "four-eyes.csv")} >= {"request.rejected"}
    assert {(row["Person"], row["Role"]) for row in rows(pack, "roles.csv")} >= {(str(auditor), "Auditor")}
    names = zipfile.ZipFile(io.BytesIO(pack)).namelist()
    assert {f"{name}.csv" for name in audit_pack.SECTIONS} <= set(names)
    assert set(names) >= {name for name, _words in audit_pack.contents() if not name.endswith("/")}


def test_every_decision_of_a_second_officer_is_in_it() -> None:
    """By the names of events. Others say no, too: authorities, targets and the person whose key it is."""
    ends = (".confirmed", "-confirmed", ".refused", ".approved", ".rejected", ".let-go-on")
    of_others = {"certificate.refused", "placement.refused"}
    decided = {event.value for event in audit.Event if event.value.endswith(ends)}
    assert decided - of_others <= audit_pack.event_names()
    campaigns = {
        event.value for event in audit.Event if event.value.startswith(("recertification.", "deputy."))
    }
    assert campaigns <= audit_pack.event_names()


def test_the_proof_holds(pack: bytes) -> None:
    assert problems(pack) == []


@pytest.mark.parametrize(
    ("name", "change", "sentence"),
    [
        ("proof/chain.txt", lambda lines: lines[:2] + lines[3:], "Nothing is signed after"),
        ("proof/chain.txt", lambda lines: [lines[0], *lines[2:], lines[1]], "is not what the head there"),
        ("proof/chain.txt", lambda lines: lines[:-1], "Nothing is signed after"),
        ("proof/chain.txt", lambda lines: lines[:1], "is in no part of the chain"),
        ("proof/chain.txt", lambda lines: [*lines, "0" * 64], "Nothing is signed after"),
        ("proof/heads.jsonl", lambda _lines: [], "Nothing is signed after"),
        (
            "proof/events.jsonl",
            lambda lines: [line.replace("request.rejected", "request.approved") for line in lines],
            "is not what the log has there",
        ),
        (
            "proof/heads.jsonl",
            lambda lines: [line.replace('"kind": "head"', '"kind": "checkpoint"') for line in lines],
            "is not signed with this key",
        ),
    ],
    ids=[
        "event taken out",
        "order changed",
        "end cut off",
        "no chain",
        "event added",
        "no heads",
        "event changed",
        "head forged",
    ],
)
def test_what_was_changed_is_found(
    pack: bytes, name: str, change: Callable[[list[str]], list[str]], sentence: str
) -> None:
    assert any(sentence in each for each in problems(changed(pack, name, change)))


def test_the_free_texts_of_an_event_are_proven(pack: bytes) -> None:
    def other_reason(lines: list[str]) -> list[str]:
        events = [json.loads(line) for line in lines]
        chosen = next(each for each in events if each["personal_facts"])
        chosen["personal_facts"] = {"reason": "another one"}
        return [json.dumps(each) for each in events]

    found = problems(changed(pack, "proof/events.jsonl", other_reason))
    assert any("what it says about persons" in each for each in found)


def test_anybody_checks_the_file_without_the_installation(
    pack: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, key = tmp_path / "pack.zip", tmp_path / "key.pem"
    file.write_bytes(pack)
    key.write_text(evidence.public_key_pem(), encoding="utf-8")
    assert audit_proof.main([str(file), "--public-key", str(key)]) == 0
    head = AuditHead.objects.newest()
    assert head is not None
    assert f"The log is whole from its beginning to #{head.number} (signed at" in capsys.readouterr().out
    file.write_bytes(changed(pack, "proof/chain.txt", lambda lines: lines[:2] + lines[3:]))
    assert audit_proof.main([str(file), "--public-key", str(key)]) == 1


def test_a_later_pack_goes_on_from_a_signed_head(log: list[AuditEvent], auditor: Person) -> None:
    long_ago = timezone.now() - timedelta(days=30)
    AuditEvent.objects.filter(number__lte=log[-1].number).update(at=long_ago)  # the chain has their hashes
    audit.record(audit.Event.KEYS_ROTATED, actor=None, subject=None, version="2")
    sealing.seal()
    heads.make(*_end(), kind=heads.HeadKind.HEAD)
    pack = taken(auditor)
    with zipfile.ZipFile(io.BytesIO(pack)) as opened:
        begins = json.loads(opened.read("proof/chain.txt").split(b"\n")[0])
    assert begins["number"] == log[-1].number
    assert [row["event"] for row in rows(pack, "key-rotations.csv")] == ["keys.rotated"]
    assert rows(pack, "four-eyes.csv") == []
    assert problems(pack) == []


def test_what_no_signature_covers_yet_is_counted(log: list[AuditEvent], auditor: Person) -> None:
    audit.record(audit.Event.KEYS_ROTATED, actor=None, subject=None, version="2")
    sealing.seal()
    with zipfile.ZipFile(io.BytesIO(taken(auditor))) as opened:
        readme = opened.read("README.txt").decode()
    assert int(readme.rsplit(": ", 1)[1]) >= 1


def test_a_token_that_expired_is_in_it_unless_another_followed(company: Company, auditor: Person) -> None:
    ended, followed, successor = (expired(company) for _each in range(3))
    SoftwareToken.objects.filter(pk=successor.pk).update(
        predecessor=followed, state=TokenState.ACTIVE, ended_at=None
    )
    pack = taken(auditor)
    assert [row["Request"] for row in rows(pack, "expired-without-renewal.csv")] == [ended.request.reference]


def expired(company: Company) -> SoftwareToken:
    token = company.request_in("completed").tokens.get()
    SoftwareToken.objects.filter(pk=token.pk).update(state=TokenState.EXPIRED, ended_at=timezone.now())
    return token


@pytest.mark.parametrize(
    ("period", "sentence"),
    [
        ({"since": "", "until": "2026-01-01"}, "This field is required"),
        ({"since": "2026-02-01", "until": "2026-01-01"}, "comes before the first"),
        ({"since": "2024-01-01", "until": "2026-01-01"}, "at most 400 days"),
        ({"since": "yesterday", "until": "2026-01-01"}, "This is no day"),
    ],
    ids=["none", "backwards", "too long", "no day"],
)
def test_a_period_that_is_none_is_refused(auditor: Person, period: dict[str, str], sentence: str) -> None:
    response = signed_in(auditor).post(ADDRESS, period)
    assert response.status_code == 422
    assert sentence in response.content.decode()
    assert not AuditEvent.objects.filter(name="list.exported").exists()


def test_an_auditor_of_a_unit_does_not_take_it(company: Company) -> None:
    limited = cast.person("lena", roles=(Role.AUDITOR,), sid="")
    limited.roles.update(organisational_unit="Sales")
    assert signed_in(limited).post(ADDRESS, days()).status_code == 403
    assert "Audit pack" not in signed_in(limited).get("/history/").content.decode()


def test_taking_it_is_audited(pack: bytes, auditor: Person) -> None:
    event = AuditEvent.objects.get(name="list.exported")
    assert event.actor == auditor
    assert event.facts["what"] == "audit-pack"
    assert event.facts["filters"] == days()
