"""Sign-in as a target: strong mappings only, never at a protected account; against a scripted directory, and
against Samba as Active Directory (long).
"""

import hashlib
import re
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
from cryptography import x509
from django.core.exceptions import ImproperlyConfigured

from ca_bridge.x509 import strong_mapping
from identity_manager.config.directory_sources import sources
from identity_manager.config.targets import targets
from identity_manager.directory.configuration import SourceConfiguration
from identity_manager.ldap_connection import Found, Server, ValueChange
from identity_manager.targets.alt_security_identities.connector import SignInTarget
from identity_manager.targets.configuration import parse
from identity_manager.targets.contract import Item, NoPlace, Presence, Put, Refused
from identity_manager.targets.ldap import connector as ldap_connector
from tests.identity_manager.targets.directories import USERS
from tests.tools import samba
from tests.tools.x509 import person_certificate

pytestmark = pytest.mark.long

OPTIONS = {
    "url": "ldaps://dc1.example.test",
    "bind_dn": "CN=mapper,DC=example,DC=test",
    "base": "DC=example,DC=test",
    "match": "objectSid",
}
ATTRIBUTE, ALT_SECURITY_IDENTITIES = "altsecurityidentities", "00fbf30c-91fe-11d1-aebc-0000f80367c1"
SIDS = {"uma": "S-1-5-21-1-2-3-1001", "admin": "S-1-5-21-1-2-3-500"}


class Directory:
    """Accounts by distinguished name; answers modifies as Windows does, which compares without case."""

    accounts: ClassVar[dict[str, dict[str, list[bytes]]]] = {}

    def __init__(self, server: Server) -> None:
        self.server = server

    def search(self, _base: str, condition: str, attributes: Sequence[str]) -> Iterator[Found]:
        for dn, known in self.accounts.items():
            sid, guid = known["objectsid"][0].decode(), known["objectguid"][0]
            asked = "".join(f"\\{octet:02x}" for octet in guid)
            if sid in condition or asked in condition or re.fullmatch(r"\(\w+=\*\)", condition):
                names = {each.lower() for each in attributes}
                yield Found(dn, {name: tuple(values) for name, values in known.items() if name in names})

    def modify(self, dn: str, change: ValueChange) -> int:
        values = self.accounts[dn].setdefault(change.attribute.lower(), [])
        plain = [each.lower() for each in values]
        if any(each.lower() not in plain for each in change.remove):
            return 16
        if any(each.lower() in plain for each in change.add):
            return 20
        gone = {each.lower() for each in change.remove}
        values[:] = [*(each for each in values if each.lower() not in gone), *change.add]
        return 0

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def accounts(monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, list[bytes]]]:
    """uma, and an administrator whom the directory protects."""
    found = {
        name: {"objectsid": [sid.encode()], "objectguid": [uuid.uuid4().bytes_le]}
        for name, sid in SIDS.items()
    }
    found["admin"]["admincount"] = [b"1"]
    monkeypatch.setattr(Directory, "accounts", found)
    monkeypatch.setattr(ldap_connector, "LdapClient", Directory)
    return found


def target(**options: Any) -> SignInTarget:
    given = {"kind": "alt-security-identities", "identity": "sid", "options": OPTIONS | options}
    return SignInTarget(parse("sign-in", given, secret="x"))


@pytest.fixture
def item() -> Item:
    return Item(person_certificate(0xC3DB))


def test_one_strong_mapping_is_added_and_removed(accounts: Any, item: Item) -> None:
    found = target()
    place = found.locate(SIDS["uma"])
    assert found.put(place, item) == Put.ADDED
    assert accounts["uma"][ATTRIBUTE] == [b"X509:<I>CN=Person CA<SR>dbc300"]
    assert found.look(place, item) == Presence.THERE
    found.take_back(place, item)
    assert accounts["uma"][ATTRIBUTE] == []
    found.take_back(place, item)


def test_a_renewal_swaps_and_values_of_others_stay(accounts: Any, item: Item) -> None:
    accounts["uma"][ATTRIBUTE] = [b"X509:<RFC822>uma@example.com"]
    found, new = target(), Item(person_certificate(7))
    place = found.locate(SIDS["uma"])
    found.put(place, item)
    assert found.put(place, new, instead_of=item) == Put.ADDED
    assert accounts["uma"][ATTRIBUTE] == [b"X509:<RFC822>uma@example.com", b"X509:<I>CN=Person CA<SR>07"]


def test_what_others_wrote_in_another_spelling_is_theirs(accounts: Any, item: Item) -> None:
    accounts["uma"][ATTRIBUTE] = [b"X509:<I>CN=Person CA<SR>DBC300"]
    found = target()
    assert found.put(found.locate(SIDS["uma"]), item) == Put.WAS_THERE


def test_a_protected_account_is_refused_when_it_is_found_and_when_it_has_become_one(
    accounts: Any, item: Item
) -> None:
    found = target()
    with pytest.raises(Refused, match="protects this account"):
        found.locate(SIDS["admin"])
    place = found.locate(SIDS["uma"])
    found.close()
    accounts["uma"]["admincount"] = [b"1"]
    with pytest.raises(Refused, match="protects this account"):
        found.put(place, item)
    assert not accounts["uma"].get(ATTRIBUTE)


def test_a_value_is_removed_from_an_account_that_has_become_protected(accounts: Any, item: Item) -> None:
    found = target()
    place = found.locate(SIDS["uma"])
    found.put(place, item)
    accounts["uma"]["admincount"] = [b"1"]
    found.take_back(place, item)
    assert accounts["uma"][ATTRIBUTE] == []


def test_a_certificate_without_a_key_identifier_is_refused_where_that_is_the_form(
    accounts: Any, item: Item
) -> None:
    found = target(form="key-identifier")
    with pytest.raises(Refused, match="no key identifier"):
        found.put(found.locate(SIDS["uma"]), item)


def test_nobody_of_this_identity_has_no_place(accounts: Any) -> None:
    with pytest.raises(NoPlace):
        target().locate("S-1-5-21-9-9-9-9")


def test_a_survey_names_values_by_their_marks(accounts: Any, item: Item) -> None:
    found = target()
    place = found.locate(SIDS["uma"])
    found.put(place, item)
    accounts["uma"][ATTRIBUTE].append(b"X509:<RFC822>uma@example.com")
    held = {each.place: each.fingerprints for each in found.survey()}
    assert held[place] == (found.mark(item), hashlib.sha256(b"X509:<RFC822>uma@example.com").hexdigest())


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"identity": "email"}, "identity, one of sid, upn"),
        ({"options": OPTIONS | {"form": "sha1-pukey"}}, "form, one of issuer-serial, key-identifier"),
        ({"options": OPTIONS | {"attribute": "mail"}}, "attribute"),
    ],
)
def test_a_weak_configuration_is_refused(changes: dict[str, Any], word: str) -> None:
    given = {"kind": "alt-security-identities", "identity": "sid", "options": OPTIONS}
    with pytest.raises(ImproperlyConfigured, match=word):
        parse("sign-in", given | changes, secret="x")


def reader(account: str) -> dict[str, SourceConfiguration]:
    """A directory source that reads with this account."""
    options = {"url": "ldaps://dc1.example.test", "bind_dn": account, "base": "DC=example,DC=test"}
    fields = {"personnel_number": "employeeNumber", "given_name": "givenName", "surname": "sn"}
    return sources({"corp": {"kind": "ldap", "fields": fields, "options": options}})


def test_its_account_is_nobody_elses() -> None:
    sign_in = {"kind": "alt-security-identities", "identity": "sid", "options": OPTIONS}
    mail = {"kind": "ldap", "options": OPTIONS | {"bind_dn": "cn=Mapper, dc=example,dc=test"}}
    assert list(targets({"sign-in": sign_in}, sources=reader("CN=reader,DC=example,DC=test"))) == ["sign-in"]
    with pytest.raises(ImproperlyConfigured, match="nothing else uses"):
        targets({"sign-in": sign_in, "mail": mail})
    with pytest.raises(ImproperlyConfigured, match="nothing else uses"):
        targets({"sign-in": sign_in}, sources=reader("cn=mapper,dc=example,dc=test"))


@pytest.mark.nightly
@pytest.mark.needs_program("samba", "samba-tool", "ldbadd")
@pytest.mark.skipif(not samba.is_possible(), reason="binds the ports of a domain controller: root")
def test_an_account_with_this_one_right_maps_and_unmaps_on_active_directory(
    tmp_path: Path, item: Item
) -> None:
    with samba.running(tmp_path) as domain:
        domain.ldb("ldbadd", samba.user("p0") + samba.user("mapper"))
        domain.tool("user", "setpassword", "mapper", f"--newpassword={samba.PASSWORD}")
        ace = f"(OA;CIIO;WP;{ALT_SECURITY_IDENTITIES};{USERS};{domain.sid_of('mapper')})"
        domain.tool("dsacl", "set", f"--objectdn=CN=Users,{samba.DOMAIN}", f"--sddl={ace}")
        options = {
            "url": f"ldaps://{samba.HOST}",
            "ca_file": domain.certificate,
            "bind_dn": f"CN=mapper,CN=Users,{samba.DOMAIN}",
            "base": samba.DOMAIN,
            "match": "objectSid",
        }
        given = {"kind": "alt-security-identities", "identity": "sid", "options": options}
        found = SignInTarget(parse("sign-in", given, secret=samba.PASSWORD))
        place = found.locate(domain.sid_of("p0"))
        assert found.put(place, item) == Put.ADDED
        assert found.put(place, item) == Put.WAS_THERE
        value = strong_mapping.by_issuer_and_serial(x509.load_der_x509_certificate(item.certificate))
        assert (
            value.encode()
            in next(
                iter(found._search(f"(altSecurityIdentities={value})", ("altSecurityIdentities",)))
            ).attributes[ATTRIBUTE]
        )
        found.take_back(place, item)
        assert found.look(place, item) == Presence.ABSENT
        with pytest.raises(Refused, match="protects this account"):
            found.locate(domain.sid_of("Administrator"))
        found.close()
