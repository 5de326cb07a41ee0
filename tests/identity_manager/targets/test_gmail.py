"""Gmail against a stub of Google: what is checked before, what each answer leads to, what `list` says."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID
from django.core.exceptions import ImproperlyConfigured

from identity_manager.targets.contract import (
    Doubtful,
    Item,
    NoPlace,
    Presence,
    Put,
    Refused,
    TargetError,
    Unavailable,
)
from identity_manager.targets.gmail.connector import GmailTarget
from tests.tools import gmail_stub
from tests.tools.gmail_stub import Gmail, Mailbox, account_key
from tests.tools.key_files import ADDRESS, PASSPHRASE, Authority, MailKey, authority, mail_key_file

pytestmark = pytest.mark.long

ALIAS = "uma.lindqvist@corp.example.com"


@pytest.fixture(scope="module")
def ca() -> Authority:
    return authority()


@pytest.fixture
def gmail(ca: Authority) -> Iterator[Gmail]:
    with gmail_stub.running() as running:
        running.trusted = [*ca.roots]
        running.mailboxes.append(Mailbox(ADDRESS, aliases=(ALIAS,)))
        yield running


@pytest.fixture
def target(gmail: Gmail, tmp_path: Path) -> GmailTarget:
    return GmailTarget(gmail.target(tmp_path))


def uma(gmail: Gmail) -> Mailbox:
    return gmail.mailboxes[-1]


@contextmanager
def says(kind: type[TargetError], words: str) -> Iterator[None]:
    """It is raised, with these words for people."""
    with pytest.raises(kind) as caught:
        yield
    assert words in caught.value.words


def item_of(target: GmailTarget, ca: Authority, wanted: MailKey | None = None) -> Item:
    made = mail_key_file(ca, wanted)
    return Item(made.certificate, target.seal(made))


# --- put and look


def test_it_is_inserted_and_in_use(gmail: Gmail, target: GmailTarget, ca: Authority) -> None:
    made = mail_key_file(ca)
    item, place = Item(made.certificate, target.seal(made)), target.locate(ADDRESS)
    assert ADDRESS not in place
    assert target.look(place, item) == Presence.ABSENT
    assert target.put(place, item) == Put.ADDED
    (held,) = uma(gmail).held
    assert (held["container"], held["password"], held["isDefault"]) == (made.container, PASSPHRASE, True)
    assert target.look(place, item) == Presence.THERE
    assert gmail.called("token") == 1
    assert target.look(place, item_of(target, ca)) == Presence.ABSENT


def test_a_person_is_found_by_an_alias_too(gmail: Gmail, target: GmailTarget) -> None:
    assert target.locate(ALIAS) == target.locate(ADDRESS.upper())


def test_a_renewal_is_in_use_and_the_former_key_stays(
    gmail: Gmail, target: GmailTarget, ca: Authority
) -> None:
    place, old = target.locate(ADDRESS), item_of(target, ca, MailKey(since=9))
    new = item_of(target, ca, MailKey(since=1))
    for item in (old, new):
        assert target.put(place, item, instead_of=old) == Put.ADDED
    assert [each["isDefault"] for each in uma(gmail).held] == [False, True]
    assert target.look(place, old) == Presence.THERE
    with says(Refused, "stay there"):
        target.take_back(place, old)
    assert gmail.called("delete") == 0


def test_what_comes_late_does_not_displace_a_newer_one(
    gmail: Gmail, target: GmailTarget, ca: Authority
) -> None:
    place, old = target.locate(ADDRESS), item_of(target, ca, MailKey(since=9))
    assert target.put(place, item_of(target, ca, MailKey(since=1))) == Put.ADDED
    assert target.put(place, old) == Put.ADDED
    assert [each["isDefault"] for each in uma(gmail).held] == [True, False]
    assert target.look(place, old) == Presence.THERE


def test_what_is_listed_is_not_inserted_again(gmail: Gmail, target: GmailTarget, ca: Authority) -> None:
    place, item = target.locate(ADDRESS), item_of(target, ca)
    target.put(place, item)
    uma(gmail).held[0]["isDefault"] = False
    assert target.look(place, item) == Presence.UNFINISHED
    assert target.put(place, item) == Put.ADDED
    assert uma(gmail).held[0]["isDefault"]
    assert gmail.called("insert") == 1


def test_entries_that_cannot_be_read_are_none_of_ours(
    gmail: Gmail, target: GmailTarget, ca: Authority
) -> None:
    broken = {"id": "1", "issuerCn": "", "isDefault": True, "expiration": "0", "pem": "no certificate"}
    uma(gmail).held.append(broken)
    assert target.put(target.locate(ADDRESS), item_of(target, ca)) == Put.ADDED
    assert [each["isDefault"] for each in uma(gmail).held] == [False, True]


def test_what_insert_says_is_not_believed(gmail: Gmail, target: GmailTarget, ca: Authority) -> None:
    place, item = target.locate(ADDRESS), item_of(target, ca)
    uma(gmail).hidden = True
    assert target.put(place, item) == Put.UNSEEN
    assert target.look(place, item) == Presence.ABSENT


def test_it_is_tested_without_a_change(gmail: Gmail, target: GmailTarget) -> None:
    assert "Gmail answers" in target.check()
    assert set(gmail.calls) == {"token", "list"}


# --- checked before, with reasons


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (MailKey(from_the_root=True), "intermediate"),
        (MailKey(non_repudiation=True), "nonRepudiation"),
        (MailKey(days=-1), "not valid now"),
        (MailKey(address=""), "no mail address"),
        (MailKey(purpose=None), "emailProtection"),
        (MailKey(purpose=ExtendedKeyUsageOID.CLIENT_AUTH), "emailProtection"),
        (MailKey(key=rsa.generate_private_key(65537, 1024)), "RSA of 2048"),  # noqa: S505 is refused
        (MailKey(key=ec.generate_private_key(ec.SECP521R1())), "P-256 or P-384"),
        (MailKey(digest=hashes.SHA224()), "SHA-256, SHA-384"),
    ],
)
def test_what_gmail_does_not_take_is_not_sealed(
    target: GmailTarget, ca: Authority, wanted: MailKey, words: str
) -> None:
    with pytest.raises(Refused) as caught:
        target.seal(mail_key_file(ca, wanted))
    assert words in caught.value.words


def test_a_chain_that_ends_in_no_root_is_not_sealed(target: GmailTarget, ca: Authority) -> None:
    made = mail_key_file(ca)
    twin = authority()  # of the same names
    for file in (
        mail_key_file(authority(name="Elsewhere")),
        replace(made, chain=()),
        replace(made, chain=mail_key_file(twin).chain),
        mail_key_file(replace(twin, root_key=ca.root_key, root=ca.root)),
    ):
        with says(Refused, "ends in none of the roots"):
            target.seal(file)


def test_who_may_not_issue_is_no_intermediate(gmail: Gmail, tmp_path: Path) -> None:
    person = authority(name="Person", is_ca=False)
    gmail.trusted = [*person.roots]
    with says(Refused, "ends in none of the roots"):
        GmailTarget(gmail.target(tmp_path)).seal(mail_key_file(person))


def test_what_cannot_be_read_is_refused(target: GmailTarget, ca: Authority) -> None:
    with says(Refused, "cannot be read"):
        target.seal(replace(mail_key_file(ca), chain=(b"no certificate",)))
    with says(Refused, "does not open"):
        target.seal(replace(mail_key_file(ca), passphrase="another"))


def test_a_certificate_for_another_address_is_not_sent(
    gmail: Gmail, target: GmailTarget, ca: Authority
) -> None:
    with says(Refused, "another address"):
        target.put(target.locate(ADDRESS), item_of(target, ca, MailKey(address="sam@corp.example.com")))
    with says(Refused, "another address"):
        target.put(target.locate(ADDRESS), item_of(target, ca, MailKey(address=ALIAS)))
    assert gmail.called("insert") == 0


def test_what_was_sealed_for_another_certificate_is_not_sent(
    gmail: Gmail, target: GmailTarget, ca: Authority
) -> None:
    with says(Refused, "another certificate"):
        target.put(target.locate(ADDRESS), Item(mail_key_file(ca).certificate, item_of(target, ca).parcel))
    assert gmail.called("insert") == 0


@pytest.mark.parametrize(
    "parcel", [b"0\x82\x01\x00", b'{"connector_key": "", "body": {}}', b'{"thumbprint": ""}']
)
def test_what_was_sealed_for_another_kind_is_not_sent(
    gmail: Gmail, target: GmailTarget, ca: Authority, parcel: bytes
) -> None:
    with says(Refused, "of another kind"):
        target.put(target.locate(ADDRESS), Item(mail_key_file(ca).certificate, parcel))
    assert gmail.called("insert") == 0


def test_the_body_is_as_gmail_wants_it(target: GmailTarget, ca: Authority) -> None:
    file = mail_key_file(ca)
    body = json.loads(target.seal(file))["body"]
    assert set(body) == {"pkcs12", "encryptedKeyPassword"}
    assert not {"+", "/"} & set(body["pkcs12"])
    _key, _certificate, chain = pkcs12.load_key_and_certificates(file.container, PASSPHRASE.encode())
    assert len(chain) == 1


# --- answers, and none


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (400, Refused, "says no reason"),
        ((400, "failedPrecondition"), NoPlace, "no mailbox"),
        (401, Unavailable, "withdrawn"),
        ((403, "forbidden"), NoPlace, "hosted S/MIME is off"),
        ((403, "rateLimitExceeded"), Unavailable, "fewer calls"),
        ((403, "accessNotConfigured"), Unavailable, "not switched on"),
        ((403, "insufficientPermissions"), Unavailable, "lacks the scope"),
        (404, NoPlace, "no mailbox"),
        (409, Refused, "already"),
        (413, Refused, "says no reason"),
        (429, Unavailable, "fewer calls"),
        (500, Doubtful, "how far it came"),
        (503, Doubtful, "how far it came"),
    ],
)
def test_what_each_answer_to_an_insert_means(
    gmail: Gmail, target: GmailTarget, ca: Authority, answer: Any, kind: type[TargetError], words: str
) -> None:
    gmail.planned["insert"] = [answer]
    with pytest.raises(kind) as caught:
        target.put(target.locate(ADDRESS), item_of(target, ca))
    assert words in caught.value.words
    assert ADDRESS not in str(caught.value)
    assert uma(gmail).held == []
    if answer == 429:
        assert isinstance(caught.value, Unavailable)
        assert caught.value.retry_after == 1.0


@pytest.mark.parametrize("answer", [400, 401, (403, "forbidden"), 404, 429, 500, "lost-before", "lost-after"])
def test_after_the_insert_nothing_is_certain(
    gmail: Gmail, target: GmailTarget, ca: Authority, answer: Any
) -> None:
    gmail.planned["setDefault"] = [answer]
    place, item = target.locate(ADDRESS), item_of(target, ca)
    with pytest.raises(Doubtful):
        target.put(place, item)
    done = answer == "lost-after"
    assert target.look(place, item) == (Presence.THERE if done else Presence.UNFINISHED)
    assert target.put(place, item) == Put.ADDED
    assert (len(uma(gmail).held), gmail.called("insert")) == (1, 1)


def test_a_conflict_that_is_shown_is_finished(gmail: Gmail, target: GmailTarget, ca: Authority) -> None:
    place, item = target.locate(ADDRESS), item_of(target, ca)
    target.put(place, item)
    uma(gmail).held[0]["isDefault"] = False
    uma(gmail).hidden = True
    with says(Refused, "already"):
        target.put(place, item)
    uma(gmail).hidden = False
    assert target.put(place, item) == Put.ADDED


@pytest.mark.parametrize(
    ("way", "presence"),
    [("lost-before", Presence.ABSENT), ("lost-after", Presence.UNFINISHED), ("cut", Presence.UNFINISHED)],
)
def test_a_lost_answer_is_looked_for_in_the_list(
    gmail: Gmail, target: GmailTarget, ca: Authority, way: str, presence: Presence
) -> None:
    place, item = target.locate(ADDRESS), item_of(target, ca)
    gmail.planned["insert"] = [way]
    with pytest.raises(Doubtful):
        target.put(place, item)
    assert target.look(place, item) == presence
    assert gmail.called("insert") == 1


@pytest.mark.parametrize("reads", [400, 401, (403, "quotaExceeded"), 429, 500, "cut"])
def test_a_look_that_fails_says_nothing(gmail: Gmail, target: GmailTarget, ca: Authority, reads: Any) -> None:
    place, item = target.locate(ADDRESS), item_of(target, ca)
    target.put(place, item)
    gmail.planned["list"] = [reads]
    with pytest.raises(Unavailable):
        target.look(place, item)
    assert target.look(place, item) == Presence.THERE


def test_a_mailbox_without_smime_waits_alone(gmail: Gmail, target: GmailTarget, ca: Authority) -> None:
    uma(gmail).is_smime_on = False
    with says(NoPlace, "hosted S/MIME is off"):
        target.put(target.locate(ADDRESS), item_of(target, ca))
    assert "Gmail answers" in target.check()


# --- the service account


def test_a_person_without_a_mailbox_is_told_from_a_wrong_account(gmail: Gmail, target: GmailTarget) -> None:
    with says(NoPlace, "no mailbox of this address"):
        target.locate("nobody@corp.example.com")
    target.close()
    gmail.account_works = False
    for address in ("nobody@corp.example.com", ADDRESS):
        with says(Unavailable, "does not accept the service account"):
            target.locate(address)


def test_an_account_that_may_not_act_for_persons(gmail: Gmail, target: GmailTarget) -> None:
    gmail.is_delegated = False
    for ask in (target.check, lambda: target.locate(ADDRESS)):
        with says(Unavailable, "domain-wide delegation"):
            ask()


def test_the_key_of_another_account(gmail: Gmail, tmp_path: Path) -> None:
    secret = gmail_stub.key_file(account_key(1))
    with pytest.raises(Unavailable) as caught:
        GmailTarget(gmail.target(tmp_path, secret=secret)).check()
    assert "does not accept the service account" in caught.value.words
    assert "PRIVATE KEY" not in f"{caught.value!r} {caught.value.words}"


@pytest.mark.parametrize("secret", ["a password", "[]", "{}", '{"client_email": "x"}', "null"])
def test_a_secret_that_is_no_key_file(gmail: Gmail, tmp_path: Path, secret: str) -> None:
    with pytest.raises(Unavailable, match="no key file") as caught:
        GmailTarget(gmail.target(tmp_path, secret=secret)).check()
    assert secret not in caught.value.words


def test_a_key_file_without_a_key(gmail: Gmail, tmp_path: Path) -> None:
    secret = json.dumps({"client_email": "a@b", "private_key": "s3cret", "private_key_id": "1"})
    with pytest.raises(Unavailable, match="no key file") as caught:
        GmailTarget(gmail.target(tmp_path, secret=secret)).check()
    assert "s3cret" not in str(caught.value)


def test_a_token_that_was_withdrawn_is_fetched_anew(gmail: Gmail, target: GmailTarget, ca: Authority) -> None:
    place, item = target.locate(ADDRESS), item_of(target, ca)
    gmail.tokens.clear()
    with pytest.raises(Unavailable):
        target.put(place, item)
    assert target.put(place, item) == Put.ADDED


@pytest.mark.parametrize("answer", [429, 500, "lost-before", "cut"])
def test_a_sign_in_service_that_does_not_work(gmail: Gmail, target: GmailTarget, answer: Any) -> None:
    gmail.planned["token"] = [answer]
    with says(Unavailable, "sign-in service"):
        target.locate(ADDRESS)
    assert target.locate(ADDRESS)


def test_a_service_that_is_not_there(gmail: Gmail, tmp_path: Path) -> None:
    with says(Unavailable, "sign-in service cannot be reached"):
        GmailTarget(gmail.target(tmp_path, token_url="http://127.0.0.1:1/token")).check()
    with says(Unavailable, "Gmail cannot be reached"):
        GmailTarget(gmail.target(tmp_path, api_url="http://127.0.0.1:1")).check()


# --- settings


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"mailbox": ""}, "mailbox"),
        ({"mailbox": "nobody"}, "mail address"),
        ({"mailbox": "a@b/c"}, "mail address"),
        ({"format": "fips"}, "format"),
        ({"api_url": "http://gmail.example.com"}, "api_url"),
        ({"token_url": "https://user:pw@login.example.com"}, "token_url"),
        ({"roots_file": "/nowhere"}, "roots_file"),
        ({"roots_file": 7}, "as text"),
        ({"timeout": True}, "timeout"),
        ({"client_email": "x"}, "does not know"),
    ],
)
def test_settings_that_make_no_target(
    gmail: Gmail, tmp_path: Path, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(ImproperlyConfigured, match=words):
        gmail.target(tmp_path, **options)


def test_an_intermediate_is_no_root(gmail: Gmail, tmp_path: Path, ca: Authority) -> None:
    gmail.trusted = [*mail_key_file(ca).chain]
    with pytest.raises(ImproperlyConfigured, match="no root"):
        gmail.target(tmp_path)
