"""From an alias to a connector; a wrong setting is named."""

from dataclasses import dataclass
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.utils import translation

from ca_bridge.connection import registry
from ca_bridge.contract import Health
from ca_bridge.contract_operation import DueMaintenance
from ca_bridge.errors import CaError
from tests.ca_bridge.scripted import ScriptedConnector

SCRIPTED = "tests.ca_bridge.scripted.ScriptedConnector"
SEARCHABLE = "tests.ca_bridge.scripted.SearchableConnector"


@dataclass(frozen=True)
class _Options:
    pass


class Half:
    """No connector: it cannot revoke, nor say its chain or its health."""

    Options = _Options

    def __init__(self, options: _Options) -> None:
        self.options = options

    def issue(self, order: Any) -> None: ...


class Odd(ScriptedConnector):
    """Its CA says something else than it did yesterday."""

    def profiles(self) -> list[str]:
        raise KeyError("profiles")

    def due_maintenance(self) -> list[DueMaintenance]:
        raise KeyError("due_maintenance")


class Locked(ScriptedConnector):
    """It has no credentials that its CA takes."""

    def health(self) -> Health:
        raise CaError.credentials("HTTP 403")


def configure(settings: Any, **configuration: Any) -> None:
    settings.CA_CONNECTORS = {"main": configuration}


def test_one_instance_for_an_alias(settings):
    configure(settings, CONNECTOR=SCRIPTED)
    assert registry.connector("main") is registry.connector("main")
    assert registry.aliases() == ("main",)


def test_another_configuration_is_another_instance(settings, ca_options):
    embedded = "ca_bridge.connectors.embedded.connector.EmbeddedConnector"
    configure(settings, CONNECTOR=embedded, OPTIONS=ca_options)
    first = registry.connector("main")
    configure(settings, CONNECTOR=embedded, OPTIONS=ca_options | {"organisation": "Other"})
    assert registry.connector("main") is not first


def test_an_unknown_alias(settings):
    configure(settings, CONNECTOR=SCRIPTED)
    with pytest.raises(CaError, match="other is not configured") as caught:
        registry.connector("other")
    assert caught.value.permanent
    assert registry.health("other").ok is False


@pytest.mark.parametrize(
    ("configuration", "sentence"),
    [
        ({}, r"CA_CONNECTORS\['main'\]\['CONNECTOR'\] must be the dotted path"),
        ({"CONNECTOR": "nowhere.Connector"}, "must be the dotted path"),
        ({"CONNECTOR": 3}, "must be the dotted path"),
        ({"CONNECTOR": "ca_bridge.errors.CaError"}, "has no attribute Options"),
        ({"CONNECTOR": SCRIPTED, "OPTIONS": {"colour": "red"}}, r"\['OPTIONS'\].*colour"),
        ({"CONNECTOR": SCRIPTED, "UNKOWN": "park"}, "settings that nobody knows: UNKOWN"),
        ({"CONNECTOR": "tests.ca_bridge.connection.test_registry.Half"}, "lacks methods"),
        ({"CONNECTOR": SCRIPTED, "UNKNOWN": "hope"}, "must be one of 'search', 'ask-again', 'park'"),
        ({"CONNECTOR": SCRIPTED, "UNKNOWN": "search"}, r"\['UNKNOWN'\] is 'search', and .* cannot search"),
    ],
)
def test_wrong_settings_are_named(settings, configuration, sentence):
    configure(settings, **configuration)
    with pytest.raises(ImproperlyConfigured, match=sentence):
        registry.connector("main")
    assert registry.health("main").ok is False


def test_a_connection_that_is_no_object_is_named(settings):
    settings.CA_CONNECTORS = {"main": "https://ca.acme.net"}
    assert (
        registry.misconfigured("main")
        == "CA_CONNECTORS['main'] must be an object with CONNECTOR and OPTIONS."
    )


def test_options_that_do_not_fit_are_named(settings, ca_options):
    embedded = "ca_bridge.connectors.embedded.connector.EmbeddedConnector"
    configure(settings, CONNECTOR=embedded, OPTIONS=ca_options | {"publication_url": "nowhere"})
    with pytest.raises(ImproperlyConfigured, match="publication_url"):
        registry.connector("main")


def test_policy_for_the_unknown(settings):
    configure(settings, CONNECTOR=SCRIPTED)
    assert registry.unknown_policy("main") == registry.PARK
    configure(settings, CONNECTOR=SEARCHABLE)
    assert registry.unknown_policy("main") == registry.SEARCH
    for policy in ("search", "ask-again", "park"):
        configure(settings, CONNECTOR=SEARCHABLE, UNKNOWN=policy)
        assert registry.unknown_policy("main") == policy
        assert registry.misconfigured("main") == ""


@pytest.mark.django_db
def test_a_ca_in_trouble_does_not_keep_others_from_their_crl(settings, ca_options, tmp_path):
    embedded = "ca_bridge.connectors.embedded.connector.EmbeddedConnector"
    settings.CA_CONNECTORS = {
        "lost": {"CONNECTOR": embedded, "OPTIONS": ca_options | {"directory": str(tmp_path), "name": "lost"}},
        "other": {"CONNECTOR": SCRIPTED},
        "corporate": {"CONNECTOR": embedded, "OPTIONS": ca_options},
    }
    with pytest.raises(CaError, match="set up yet"):
        registry.renew_crls()
    corporate = registry.connector("corporate")
    assert corporate.renew_crl_if_due() is False  # type: ignore[attr-defined]  # the embedded CA
    del settings.CA_CONNECTORS["lost"]
    assert registry.renew_crls() == 0


@pytest.mark.django_db
def test_nor_does_a_connection_that_is_configured_wrongly(settings, ca_options):
    embedded = "ca_bridge.connectors.embedded.connector.EmbeddedConnector"
    settings.CA_CONNECTORS = {
        "wrong": {"CONNECTOR": embedded, "OPTIONS": ca_options | {"publication_url": "nowhere"}},
        "corporate": {"CONNECTOR": embedded, "OPTIONS": ca_options},
    }
    with pytest.raises(CaError, match="configured wrongly"):
        registry.renew_crls()
    corporate = registry.connector("corporate")
    assert corporate.renew_crl_if_due() is False  # type: ignore[attr-defined]  # the embedded CA


@pytest.mark.parametrize("question", ["profiles", "due_maintenance"])
def test_what_a_ca_says_and_nobody_understands_is_a_fault_of_it(settings, question):
    """Else one CA would keep the look at all others from being written down."""
    configure(settings, CONNECTOR="tests.ca_bridge.connection.test_registry.Odd")
    with pytest.raises(CaError, match="does not answer as it should"):
        getattr(registry, question)("main")


def test_what_a_connection_cannot_do_is_said(settings, ca_options):
    configure(settings, CONNECTOR=SCRIPTED)
    assert any("cannot be searched" in limit for limit in registry.limits("main"))
    configure(
        settings, CONNECTOR="ca_bridge.connectors.embedded.connector.EmbeddedConnector", OPTIONS=ca_options
    )
    assert registry.limits("main") == ()


def test_a_protocol_without_revocation_says_so(settings, monkeypatch):
    configure(settings, CONNECTOR=SCRIPTED)
    monkeypatch.setattr(type(registry.connector("main")), "revokes", False, raising=False)
    assert any("cannot revoke" in limit for limit in registry.limits("main"))


def test_what_a_test_says_is_english_whoever_asks(settings):
    configure(settings, CONNECTOR="tests.ca_bridge.connection.test_registry.Locked")
    with translation.override("de"):
        said = [registry.health(alias).detail for alias in ("main", "other")]
    assert said == [
        "The certificate authority does not take our credentials. HTTP 403",
        "The certificate authority other is not configured.",
    ]
