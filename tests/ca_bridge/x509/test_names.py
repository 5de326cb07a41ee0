"""Bad names are refused before a CA sees them. `cryptography` alone accepts most of these."""

import unicodedata

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from ca_bridge.errors import CaError
from ca_bridge.x509 import names, subject_alt_names
from ca_bridge.x509.names import common_name, forbidden_characters, to_name
from ca_bridge.x509.subject_alt_names import check_sid, mailbox, to_general_name

GOOD = [
    "Jürgen Müller-Groß",
    "Łukasz Żółć",
    "山田太郎",
    "محمد علي",
    "İbrahim Şahin",
    "O'Neill",
    "Doe, Jane + O=Evil",
]
FORBIDDEN = {
    "NUL": ("Jane\0Doe", "U+0000"),
    "newline": ("Jane\nDoe", "U+000A"),
    "carriage return": ("jane@example.com\r\nBcc: x@example.com", "U+000D"),
    "delete": ("Jane\x7f", "U+007F"),
    "C1 control": ("Jane\x85", "U+0085"),
    "right-to-left override": ("Jane\u202eeoD", "U+202E"),
    "isolate": ("Jane\u2066Doe", "U+2066"),
    "right-to-left mark": ("Jane\u200f", "U+200F"),
    "private use": ("Jane\ue000", "U+E000"),
    "supplementary private use": ("Jane\U000f0000", "U+F0000"),
    "surrogate": ("Jane\ud800", "U+D800"),
    "non-character": ("Jane\ufffe", "U+FFFE"),
    "line separator": ("Jane\u2028Doe", "U+2028"),
}


@pytest.mark.parametrize("name", GOOD)
def test_names_of_every_script_are_accepted(name):
    assert forbidden_characters(name) == ()
    assert to_name([("commonName", name)]).rfc4514_string()


@pytest.mark.parametrize("kind", FORBIDDEN)
@pytest.mark.parametrize("attribute", sorted(names.ATTRIBUTE_TYPES))
def test_characters_that_no_attribute_may_hold(kind, attribute):
    value, code_point = FORBIDDEN[kind]
    with pytest.raises(CaError) as caught:
        to_name([(attribute, value)])
    assert caught.value.permanent
    assert code_point in caught.value.message


@pytest.mark.parametrize("kind", FORBIDDEN)
@pytest.mark.parametrize("place", ["email", "upn", "uri"])
def test_characters_that_no_alternative_name_may_hold(kind, place):
    value, _code_point = FORBIDDEN[kind]
    with pytest.raises(CaError):
        to_general_name(place, f"{value}@example.com" if "@" not in value else value)


def test_cryptography_alone_would_accept_them():
    """Why the checks above exist; if this fails one day, some of them may go."""
    for value in ("Jane\nDoe", "Jane\u202eeoD", "Jane\ue000"):
        x509.NameAttribute(x509.NameOID.COMMON_NAME, value)


@pytest.mark.parametrize(
    ("attribute", "bound"),
    [
        ("organizationName", 64),
        ("organizationalUnitName", 64),
        ("title", 64),
        ("serialNumber", 64),
        ("localityName", 128),
        ("stateOrProvinceName", 128),
        ("pseudonym", 128),
    ],
)
def test_upper_bounds_count_characters(attribute, bound):
    letter = "x" if attribute == "serialNumber" else "ü"
    to_name([(attribute, letter * bound)])
    with pytest.raises(CaError, match=f"longer than {bound} characters"):
        to_name([(attribute, letter * (bound + 1))])


@pytest.mark.parametrize("value", ["x" * 65, "ü" * 33, "山" * 22])
def test_a_common_name_has_64_bytes(value):
    with pytest.raises(CaError, match="longer than 64"):
        to_name([("commonName", value)])
    assert to_name([("commonName", common_name(value))])


@pytest.mark.parametrize("value", ["de", "D", "DEU", "D1", "ÄÖ"])
def test_a_country_is_two_capital_letters(value):
    with pytest.raises(CaError):
        to_name([("countryName", value)])


@pytest.mark.parametrize("value", ["ü", "P_42", "P@42", "№ 7"])
def test_a_serial_number_is_printable(value):
    with pytest.raises(CaError, match="letters from A to Z"):
        to_name([("serialNumber", value)])


@pytest.mark.parametrize("subject", [(), (("commonName", ""),), (("commonName", "  "),), (("CN", "x"),)])
def test_subjects_that_are_none(subject):
    with pytest.raises(CaError):
        to_name(subject)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  Jane Doe ", "Jane Doe"),
        ("x" * 65, "x" * 64),
        ("ü" * 33, "ü" * 32),
        ("山" * 22, "山" * 21),
        ("J" * 60 + " Doe", "J" * 60 + " Doe"),
        ("J" * 63 + " Doe", "J" * 63),  # no blank at the end
        ("x" * 62 + "👩‍🔬", "x" * 62),  # a grapheme is not torn
        ("Ju\u0308rgen", "Jürgen"),  # NFC
        ("x" + "\u0330" * 60, "x" + "\u0330" * 31),  # one grapheme of 121 bytes
    ],
)
def test_common_name_is_cut_between_graphemes(text, expected):
    assert common_name(text) == expected


@given(st.text(min_size=1))
def test_common_name_always_fits(text):
    cut = common_name(text.encode("utf-8", "replace").decode())
    assert len(cut.encode()) <= names.COMMON_NAME_BYTES
    assert unicodedata.normalize("NFC", text.encode("utf-8", "replace").decode()).strip().startswith(cut)


# --- addresses


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("jane+smime@example.com", "jane+smime@example.com"),
        ("Jane.Doe@EXAMPLE.com", "Jane.Doe@example.com"),
        ("jane@münchen.example", "jane@xn--mnchen-3ya.example"),
        ("o'neill@example.com", "o'neill@example.com"),
    ],
)
def test_mailbox_keeps_the_local_part_and_writes_a_labels(address, expected):
    assert mailbox(address) == expected
    assert to_general_name("email", expected) == x509.RFC822Name(expected)


@pytest.mark.parametrize(
    "address",
    [
        "jürgen@example.com",
        '"jane doe"@example.com',
        "jane doe@example.com",
        " jane@example.com",
        "jane",
        "jane@",
        "@example.com",
        "jane@[127.0.0.1]",
        "jane@example..com",
        "jane@-example.com",
        "j" * 65 + "@example.com",
        "jane@example.com\nBcc: x@example.com",
        "jane@example.com,eve@example.com",
        "",
    ],
)
def test_addresses_that_are_none(address):
    with pytest.raises(CaError) as caught:
        mailbox(address)
    assert caught.value.permanent
    with pytest.raises(CaError):
        to_general_name("email", address)


def test_an_address_must_stand_as_it_is_written():
    with pytest.raises(CaError, match="A-labels"):
        to_general_name("email", "jane@münchen.example")


@pytest.mark.parametrize("upn", ["jane", "a@b@c", "jane doe@corp.example.com", "@corp.example.com", ""])
def test_upns_that_are_none(upn):
    with pytest.raises(CaError):
        to_general_name("upn", upn)


@pytest.mark.parametrize(
    "uri", ["", "example.com/x", "http:", "http://exämple.com/", "http://example.com/a b"]
)
def test_uris_that_are_none(uri):
    with pytest.raises(CaError):
        to_general_name("uri", uri)


def test_kinds_that_are_none():
    with pytest.raises(CaError):
        to_general_name("dns", "example.com")


@pytest.mark.parametrize("sid", ["S-1-5-21-1004336348-1177238915-682003330-512", "S-1-5-18"])
def test_security_identifiers(sid):
    check_sid(sid)
    assert sid.encode() in subject_alt_names.sid_extension(sid).value


@pytest.mark.parametrize(
    "sid", ["", "S-1-5", "S-2-5-18", "s-1-5-18", "S-1-5-18\n", "S-1-5-" + "1-" * 16 + "1", "x"]
)
def test_security_identifiers_that_are_none(sid):
    with pytest.raises(CaError):
        check_sid(sid)
