"""Profiles: what may stand in a template, and what becomes of it for a person."""

from dataclasses import replace
from typing import Any

import pytest

from ca_bridge.contract import KeyAlgorithm
from ca_bridge.errors import CaError
from ca_bridge.x509.preview import preview
from ca_bridge.x509.profiles import (
    Profile,
    ProfileError,
    check_key_usage,
    check_profile,
    check_template,
    missing_fields,
    render,
)

JANE = {
    "display_name": "Jane Doe",
    "given_name": "Jane",
    "surname": "Doe",
    "email": "Jane.Doe@Example.com",
    "upn": "jdoe@corp.example.com",
    "sid": "S-1-5-21-1-2-3-1104",
    "personnel_number": "P-1",
    "department": "R&D",
    "organisational_unit": "Berlin",
}


@pytest.fixture
def profile() -> Profile:
    return Profile(
        code="auth",
        version=3,
        name="Authentication",
        purpose="authentication",
        subject=(("commonName", "{display_name}"), ("serialNumber", "{personnel_number}")),
        subject_alt_names=(("email", "{email}"), ("upn", "{upn}")),
        key_usage=("digitalSignature",),
        extended_key_usage=("1.3.6.1.5.5.7.3.2",),
        policies=("1.3.6.1.4.1.99999.1",),
        include_sid=True,
        ca="corporate",
        ca_profile="person",
    )


def test_render(profile):
    content = render(profile, JANE)
    assert content.subject == (("commonName", "Jane Doe"), ("serialNumber", "P-1"))
    assert content.subject_alt_names == (("email", "Jane.Doe@example.com"), ("upn", "jdoe@corp.example.com"))
    assert (content.key_usage, content.policies) == (profile.key_usage, profile.policies)
    assert content.sid == JANE["sid"]
    check_profile(profile)


@pytest.mark.parametrize(
    ("changes", "person"),
    [
        ({}, {"email": "jürgen@example.com"}),  # RFC 9598 would have it as SmtpUTF8Mailbox
        ({"subject_alt_names": (("email", "{surname}@example.com"),)}, {"surname": "Müller"}),
        ({"subject": (("emailAddress", "{surname}@example.com"),)}, {"surname": "Müller"}),
    ],
)
def test_a_preview_says_so_where_no_certificate_can_hold_the_persons_address(profile, changes, person):
    shown = preview(replace(profile, **changes), {**JANE, **person})
    assert not shown.is_sound
    assert shown.content is None
    assert "cannot stand in a certificate as e-mail" in shown.remarks[0].text


def test_without_sid(profile):
    assert render(replace(profile, include_sid=False), JANE).sid is None


@pytest.mark.parametrize("lacking", ["display_name", "personnel_number", "email", "upn", "sid"])
@pytest.mark.parametrize("value", ["", "  ", None])
def test_what_lacks_is_named(profile, lacking, value):
    fields = {name: text for name, text in JANE.items() if name != lacking}
    if value is not None:
        fields[lacking] = value
    assert missing_fields(profile, fields) == (lacking,)
    with pytest.raises(ProfileError, match=lacking) as caught:
        render(profile, fields)
    assert caught.value.missing == (lacking,)
    assert caught.value.permanent


def test_each_missing_field_is_named_once(profile):
    twice = replace(profile, subject=(("commonName", "{upn} {upn}"), ("surname", "{surname}")))
    assert missing_fields(twice, {}) == ("upn", "surname", "email", "sid")


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"email": "jürgen@example.com"}, "e-mail"),
        ({"display_name": "Jane\u202eeoD"}, "U\\+202E"),
        ({"personnel_number": "№ 1"}, "letters from A to Z"),
        ({"upn": "jane"}, "user principal name"),
        ({"sid": "S-1"}, "security identifier"),
    ],
)
def test_values_that_no_certificate_can_hold(profile, fields, sentence):
    with pytest.raises(CaError, match=sentence) as caught:
        render(profile, JANE | fields)
    assert caught.value.permanent


def test_values_are_written_once_and_not_as_templates(profile):
    """A person called {upn} stays {upn}; a comma or a plus makes no second attribute."""
    content = render(profile, JANE | {"display_name": "{upn}, O=Evil + OU={sid}"})
    assert content.subject[0] == ("commonName", "{upn}, O=Evil + OU={sid}")


def test_a_long_name_is_cut_for_the_common_name_alone(profile):
    long = replace(profile, subject=(("commonName", "{display_name}"), ("surname", "{display_name}")))
    content = render(long, JANE | {"display_name": "ü" * 40})
    assert content.subject == (("commonName", "ü" * 32), ("surname", "ü" * 40))


def test_values_in_a_uri_are_quoted(profile):
    uri = replace(profile, subject_alt_names=(("uri", "https://example.com/{department}"),))
    assert render(uri, JANE | {"department": "R&D /ü"}).subject_alt_names == (
        ("uri", "https://example.com/R%26D%20%2F%C3%BC"),
    )


def test_names_are_composed(profile):
    assert render(profile, JANE | {"display_name": "Ju\u0308rgen"}).subject[0] == ("commonName", "Jürgen")


# --- what is refused when a profile is saved


@pytest.mark.parametrize(
    "template",
    [
        "{password}",
        "{sid}",
        "{}",
        "{0}",
        "{upn.__class__}",
        "{upn[0]}",
        "{upn!r}",
        "{upn:>100000}",
        "{upn",
        "upn}",
        "x\n",
        "{display_name}\u202e",
        "{{ person.password }}",
    ],
)
def test_templates_that_are_none(template, profile):
    if template.startswith("{{"):
        check_template(template)  # literal braces, harmless
        return
    with pytest.raises(ProfileError):
        check_template(template)
    with pytest.raises(ProfileError):
        check_profile(replace(profile, subject=(("commonName", template),)))


FORGED: list[tuple[str, str]] = [
    ("upn", "administrator@corp.example.com"),
    ("upn", "{personnel_number}@corp.example.com"),
    ("upn", "{email}"),
    ("upn", "{sid}"),
    ("email", "ceo@example.com"),
    ("uri", "https://example.com/"),
    ("uri", "{department}"),
    ("uri", "tag:microsoft.com,2022-09-14:sid:S-1-5-21-1-2-3-500"),
    ("uri", "tag:microsoft.com,2022-09-14:sid:{department}"),
    ("uri", "TAG:microsoft.com,2022-09-14:sid:{sid}"),
    ("uri", "{department}:microsoft.com"),
    ("dns", "{department}"),
]


@pytest.mark.parametrize(("kind", "template"), FORGED)
def test_no_profile_speaks_for_another_account(profile, kind, template):
    with pytest.raises(ProfileError):
        check_profile(replace(profile, subject_alt_names=((kind, template),)))


def test_the_sid_may_stand_in_the_uri_that_microsoft_defines(profile):
    sid = replace(profile, subject_alt_names=(("uri", "tag:microsoft.com,2022-09-14:sid:{sid}"),))
    check_profile(sid)
    assert render(sid, JANE).subject_alt_names == (
        ("uri", f"tag:microsoft.com,2022-09-14:sid:{JANE['sid']}"),
    )


@pytest.mark.parametrize(
    "change",
    [
        {"subject": ()},
        {"subject": (("CN", "{upn}"),)},
        {"key_usage": ()},
        {"key_usage": ("keyCertSign",)},
        {"extended_key_usage": ("clientAuth",)},
        {"extended_key_usage": ("1.40.1",)},
        {"policies": ("1.",)},
        {"policies": ("0.40.0.1",)},
        {"policies": ("1.3.6.1.4." + "9" * 40,)},
    ],
)
def test_profiles_that_are_none(profile, change: dict[str, Any]):
    with pytest.raises(ProfileError):
        check_profile(replace(profile, **change))


@pytest.mark.parametrize("algorithm", KeyAlgorithm)
def test_key_usage_and_algorithm(algorithm):
    check_key_usage(("digitalSignature", "nonRepudiation"), algorithm)
    right, wrong = "keyEncipherment", "keyAgreement"
    if algorithm.startswith("ec"):
        right, wrong = wrong, right
    check_key_usage((right,), algorithm)
    with pytest.raises(ProfileError, match=wrong):
        check_key_usage((wrong,), algorithm)
