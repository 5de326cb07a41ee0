"""manage.py check_ca of a public CA: CAA records, validations, products, validity, allowance."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.core.management import CommandError
from django.utils import timezone

from ca_bridge.connection import caa, registry
from ca_bridge.connection.caa import CaaFinding, CaaResult
from ca_bridge.contract import Validations
from ca_bridge.errors import CaError
from identity_manager.management import public_ca
from tests.ca_bridge.scripted import ScriptedConnector
from tests.identity_manager.management.test_check_ca import check, fault
from tests.tools import cast

pytestmark = pytest.mark.django_db
CA = "tests.ca_bridge.scripted.ScriptedConnector"
TODAY = date(2026, 12, 1)


@pytest.fixture
def public(settings: Any, monkeypatch: pytest.MonkeyPatch) -> ScriptedConnector:
    """A CA that is public by the settings; example.com may be issued for, example.org not."""
    settings.CA_CONNECTORS = {"public": {"CONNECTOR": CA, "CAA": "ca.example"}}
    found = {
        "example.com": CaaFinding("example.com", CaaResult.ALLOWED, "example.com", ("ca.example",)),
        "example.org": CaaFinding("example.org", CaaResult.FORBIDDEN, "example.org", ("",)),
        "example.net": CaaFinding("example.net", CaaResult.FAILED, detail="NoNameservers"),
    }
    monkeypatch.setattr(caa, "check", lambda domain, _identities, _server: found[domain])
    instance: Any = registry.connector("public")
    return instance


def words(*domains: str) -> list[str]:
    return [each.words for each in public_ca.findings("public", domains, None, TODAY)]


def wrong(*domains: str) -> list[str]:
    return [each.words for each in public_ca.findings("public", domains, None, TODAY) if each.is_wrong]


def test_who_may_issue_for_each_domain_is_told(public: ScriptedConnector) -> None:
    said = check("public", "--domain", "example.com")
    assert "CAA example.com: issuemail of example.com names ca.example." in said
    assert "It does not tell until when its validations count" in said
    assert "for at most 825 days" in said


def test_a_domain_that_forbids_it_is_a_fault(public: ScriptedConnector) -> None:
    status, said = fault("public", *("--domain", "example.org"), *("--domain", "example.net"))
    assert status == 1
    assert (
        "CAA example.org: the CA must not issue: issuemail of example.org names nobody, not ca.example."
        in said
    )
    assert "CAA example.net: no answer, and a CA that gets none must not issue: NoNameservers." in said


def test_the_domains_of_persons_are_looked_at(public: ScriptedConnector, monkeypatch: Any) -> None:
    domain = cast.Company().uma.email.split("@")[1]
    monkeypatch.setattr(caa, "check", lambda domain, *_more: CaaFinding(domain, CaaResult.NOT_RESTRICTED))
    assert f"CAA {domain}: no issuemail record" in check("public")


def test_a_private_ca_is_asked_nothing_of_this(settings: Any) -> None:
    settings.CA_CONNECTORS = {"private": {"CONNECTOR": CA}}
    assert "CAA" not in check("private", "--domain", "example.com")


def test_days_until_validations_end_are_told(public: ScriptedConnector, monkeypatch: Any) -> None:
    lasting = Validations((("example.com", date(2027, 10, 1)),), date(2028, 2, 1))
    monkeypatch.setattr(public, "validations", lambda: lasting, raising=False)
    assert "The validation of the domain example.com counts until 2027-10-01, 304 days." in words(
        "example.com"
    )
    assert "The validation of the organisation counts until 2028-02-01, 427 days." in words("example.com")
    assert wrong("example.com") == []


def test_what_ends_soon_or_is_missing_is_a_fault(public: ScriptedConnector, monkeypatch: Any) -> None:
    ends = TODAY + timedelta(days=29)
    monkeypatch.setattr(
        public, "validations", lambda: Validations((("example.com", ends),), date(2026, 11, 1)), raising=False
    )
    said = wrong("example.com", "example.org")
    assert f"The validation of the domain example.com counts until {ends}, 29 days." in said
    assert "The CA has not validated the domain example.org." in said
    assert "The validation of the organisation has ended on 2026-11-01." in said


def test_a_validation_of_a_domain_counts_for_those_below_it(
    public: ScriptedConnector, monkeypatch: Any
) -> None:
    lasting = Validations((("example.com", date(2027, 10, 1)),), None)
    monkeypatch.setattr(public, "validations", lambda: lasting, raising=False)
    monkeypatch.setattr(caa, "check", lambda domain, *_more: CaaFinding(domain, CaaResult.NOT_RESTRICTED))
    assert wrong("mail.example.com") == []
    assert wrong("notexample.com") == ["The CA has not validated the domain notexample.com."]


def test_a_ca_that_does_not_tell_today_is_no_fault(public: ScriptedConnector, monkeypatch: Any) -> None:
    def down() -> Validations:
        raise CaError("It is down.")

    monkeypatch.setattr(public, "validations", down, raising=False)
    assert "It does not tell until when its validations count: It is down." in words("example.com")
    assert wrong("example.com") == []


def test_what_is_left_of_the_allowance_is_told(public: ScriptedConnector, settings: Any) -> None:
    since = timezone.now().date().isoformat()
    settings.CA_CONNECTORS["public"]["ALLOWANCE"] = {"certificates": 500, "since": since}
    assert "500 of 500 certificates left, by the journal." in words("example.com")


@pytest.mark.parametrize("given", ["x", "1.2.3.4:x", "1.2.3"])
def test_a_name_server_is_an_address(public: ScriptedConnector, given: str) -> None:
    with pytest.raises(CommandError, match="--nameserver"):
        check("public", "--nameserver", given)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CAA", ["ca.example"]),
        ("ALLOWANCE", {"certificates": 0, "since": "2026-01-01"}),
        ("ALLOWANCE", {"certificates": 5}),
        ("ALLOWANCE", {"certificates": 5, "since": "today"}),
        ("ALLOWANCE", {"certificates": 5, "since": "2026-01-01", "until": "2027-01-01"}),
        ("ALLOWANCE", 5),
    ],
)
def test_a_setting_that_is_wrong_is_named(
    public: ScriptedConnector, settings: Any, name: str, value: Any
) -> None:
    settings.CA_CONNECTORS["public"][name] = value
    status, said = fault("public")
    assert status == 2
    assert f"CA_CONNECTORS['public']['{name}'] must" in said
