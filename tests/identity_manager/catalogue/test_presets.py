"""What a profile can begin with is right; what is made wrong of it is refused before any CA is asked."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import reverse

from ca_bridge.connection import registry
from ca_bridge.models import CaOrder
from identity_manager.catalogue import profiles, types
from identity_manager.catalogue.presets import PRESETS
from identity_manager.models import CertificateProfile, Person, Role, SoftwareToken, TokenRequest, TokenType
from identity_manager.transactions.refusals import NotPossible
from tests.tools import cast
from tests.tools.sign_in import signed_in

pytestmark = pytest.mark.django_db
ORGANISATION = {
    "organizationName": "Example Corporation",
    "organizationIdentifier": "NTRDE-DER3306.HRB12345",
}
STRICT = "public-strict-signature"


def filled_in(preset: str, **changes: Any) -> dict[str, Any]:
    """The preset's values, with the organisation's own names."""
    values = dict(PRESETS[preset].values)
    subject = [[name, ORGANISATION.get(name, text)] for name, text in values["subject"]]
    return {**values, "subject": subject, "ca": "corporate", "ca_profile": preset, **changes}


def subject_without(name: str) -> list[list[str]]:
    return [pair for pair in filled_in(STRICT)["subject"] if pair[0] != name]


@pytest.fixture
def syd() -> Person:
    return cast.person("syd", roles=(Role.SYSTEM_ADMINISTRATOR,))


@pytest.fixture(autouse=True)
def _no_ca_is_asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whoever issues or drafts here is caught."""
    calls: list[str] = []
    connector = registry.connector("corporate")
    for name in ("issue", "fetch", "find", "draft"):
        monkeypatch.setattr(type(connector), name, lambda *_args, called=name: calls.append(called))
    yield
    assert calls == []


@pytest.mark.parametrize("preset", PRESETS)
def test_each_preset_is_sound(syd: Person, preset: str) -> None:
    draft = profiles.add_profile_version(actor=syd, code=preset, values=filled_in(preset))
    remarks = profiles.preview_for(draft, None).remarks
    assert [remark.text for remark in remarks] == []
    profiles.activate_profile(actor=syd, profile_id=draft.pk, four_eyes=False)


def test_a_public_one_is_not_saved_without_the_organisation(syd: Person) -> None:
    values = {**PRESETS[STRICT].values, "ca": "corporate", "ca_profile": "x"}
    with pytest.raises(NotPossible, match="organizationName is empty"):
        profiles.add_profile_version(actor=syd, code="public", values=values)
    assert not CertificateProfile.objects.exists()


EMAIL_IN_NAME = [*subject_without(""), ["emailAddress", "{email}"]]
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "900 days": ({"longest_validity_days": 900}, "at most 824 days; this one would for 900"),
    "clientAuth in strict": (
        {"extended_key_usage": ["1.3.6.1.5.5.7.3.4", "1.3.6.1.5.5.7.3.2"]},
        "e-mail protection stands alone",
    ),
    "nonRepudiation alone": ({"key_usage": ["nonRepudiation"]}, "needs digitalSignature beside it"),
    "e-mail in the name only": (
        {"subject": EMAIL_IN_NAME, "subject_alt_names": []},
        "e-mail address of the subject must stand among the alternative names too",
    ),
    "no organizationIdentifier": (
        {"subject": subject_without("organizationIdentifier")},
        "needs organizationIdentifier in its subject",
    ),
    "a common name of 65 characters": (
        {"subject": [*subject_without("commonName"), ["commonName", "x" * 65]]},
        "commonName is longer than 64 characters",
    ),
    "a common name that never fits": (
        {"subject": [*subject_without("commonName"), ["commonName", "{display_name}" + "x" * 65]]},
        "commonName is longer than 64 characters",
    ),
    "a country in small letters": (
        {"subject": [["countryName", "de"], *subject_without("")]},
        "countryName must be two capital letters",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_profile_is_not_put_in_force(syd: Person, what: str) -> None:
    """Even a draft that was saved before the rule was known."""
    changes, sentence = WRONG[what]
    draft = CertificateProfile.objects.create(code="wrong", **filled_in(STRICT, **changes))
    with pytest.raises(NotPossible, match=sentence):
        profiles.activate_profile(actor=syd, profile_id=draft.pk, four_eyes=False)
    draft.refresh_from_db()
    assert draft.state == "draft"


@pytest.mark.parametrize("what", [each for each in WRONG if each != "900 days"])
def test_nobody_is_enabled_for_a_wrong_profile_that_is_in_force(what: str) -> None:
    """It was put in force before the rule was known; the cut that a common name gets is not at issue here."""
    changes, sentence = WRONG[what]
    company = cast.Company()
    cast.profile("wrong", **filled_in(STRICT, **changes))
    kind = cast.token_type("public", profiles=("wrong",), validity_days=365)
    if what.startswith("a common name"):
        request = cast.enabled(company.ada, company.uma, kind)  # cut to what fits: right, if not pretty
        (line,) = request.tokens.get().snapshot["certificates"]
        assert len(dict(line["content"]["subject"])["commonName"]) <= 64
        return
    with pytest.raises(NotPossible, match=sentence):
        cast.enabled(company.ada, company.uma, kind)
    assert not TokenRequest.objects.exists()
    assert not CaOrder.objects.exists()


APPROVED_ONCE: dict[str, tuple[dict[str, Any], str]] = {
    "900 days": ({}, "at most 824 days; this one would for 900"),
    "clientAuth in strict": (
        {"extended_key_usage": ["1.3.6.1.5.5.7.3.4", "1.3.6.1.5.5.7.3.2"]},
        "stands alone",
    ),
    "nonRepudiation alone": ({"key_usage": ["nonRepudiation"]}, "needs digitalSignature"),
    "e-mail in the name only": (
        {"subject": [["emailAddress", "uma@example.com"]], "subject_alt_names": []},
        "must stand among the alternative names too",
    ),
    "no organizationIdentifier": (
        {"subject": [["organizationName", "Example Corporation"], ["surname", "Lindqvist"]]},
        "needs organizationIdentifier",
    ),
    "a common name of 65 characters": (
        {"subject": [["commonName", "x" * 65]]},
        "commonName is longer than 64 characters",
    ),
    "a country in small letters": ({"subject": [["countryName", "de"]]}, "must be two capital letters"),
}


@pytest.mark.parametrize("what", APPROVED_ONCE)
def test_what_was_approved_before_the_rule_was_known_is_not_issued(what: str) -> None:
    """The request fails with the sentence, and no CA has been asked."""
    changes, sentence = APPROVED_ONCE[what]
    company = cast.Company()
    cast.profile("public", **filled_in(STRICT))
    kind = cast.token_type("public", profiles=("public",), validity_days=365)
    request = cast.accepted(cast.enabled(company.ada, company.uma, kind))
    token = request.tokens.get()
    token.snapshot["certificates"][0]["content"] |= changes
    token.snapshot["validity_days"] = 900 if what == "900 days" else 365
    SoftwareToken.objects.filter(pk=token.pk).update(snapshot=token.snapshot)

    request = cast.issued(request)

    (certificate,) = token.certificates.all()
    assert (request.state, certificate.state) == ("failed", "refused")
    assert sentence in certificate.refusal
    assert certificate.private_key_wrapped is None
    assert not CaOrder.objects.exists()


def test_a_type_does_not_hold_for_900_days(syd: Person) -> None:
    row = cast.profile("public", **filled_in(STRICT, longest_validity_days=None))
    values = {"name": "P", "description": "p", "terms": cast.terms(), "kinds": ["employee"]}
    with pytest.raises(NotPossible, match="at most 824 days; this one would for 900"):
        types.add_type_version(
            actor=syd, code="public", values={**values, "validity_days": 900}, profiles=[row]
        )
    stored = cast.token_type("stored", profiles=(), validity_days=900)
    TokenType.objects.filter(pk=stored.pk).update(state="draft")
    stored.token_type_profiles.create(profile=row)
    with pytest.raises(NotPossible, match="at most 824 days; this one would for 900"):
        types.activate_type(actor=syd, type_id=stored.pk, four_eyes=False)


@pytest.mark.parametrize("preset", ["", "nonsense", *PRESETS])
def test_the_form_of_a_new_profile_begins_with_it(syd: Person, preset: str) -> None:
    page = signed_in(syd).get(reverse("console:profile-new"), {"preset": preset})
    assert page.status_code == 200
    form = page.context["form"]
    expected = PRESETS[preset].values if preset in PRESETS else {"subject_alt_names": [["email", "{email}"]]}
    for name, value in expected.items():
        if name in form.fields and name != "policies":
            assert form.initial[name] == value
    assert form.initial["policies"] == " ".join(expected.get("policies", []))
    assert ("selected" in page.text.partition('name="preset"')[2].partition("</select>")[0]) == (
        preset in PRESETS
    )
