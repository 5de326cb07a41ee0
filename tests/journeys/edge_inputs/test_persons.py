"""Persons as they come, from record to container: what the approver saw is what the certificate says."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

from ca_bridge.x509.names import common_name
from identity_manager.models import Certificate, Container, Person, TokenRequest
from identity_manager.people import persons
from identity_manager.transactions.refusals import NotPossible
from identity_manager.workflow import step1_enable
from tests.journeys.edge_inputs.seen import issued_names, seen_names
from tests.tools import cast

pytestmark = [pytest.mark.django_db, pytest.mark.long]


def entered(number: str, **values: str) -> Person:
    """As a Registration Officer enters a person."""
    given = {"given_name": "Jane", "surname": "Doe", "email": f"jane{number}@example.com"}
    return persons.create_active(actor=None, values={"personnel_number": number, **given, **values})


def enabled(person: Person) -> TokenRequest:
    ada = Person.objects.filter(personnel_number="P-ada").first() or cast.person("ada")
    return cast.enabled(ada, person)


def walked(person: Person) -> tuple[Certificate, str]:
    """Issued and sealed; the certificate, and the passphrase as its owner reads it."""
    request = cast.issued(cast.accepted(enabled(person)))
    certificate = Certificate.objects.get(token__request=request)
    assert issued_names(certificate) == seen_names(request)
    return certificate, cast.shown(request.tokens.get())


def opened(certificate: Certificate, passphrase: str) -> x509.Certificate:
    """What the owner finds in the file."""
    container = Container.objects.filter(certificate=certificate).order_by("format").first()
    assert container is not None
    assert container.file_name.isascii()
    assert not set(container.file_name) & set("/\\\r\n ")
    found = pkcs12.load_pkcs12(container.content, passphrase.encode()).cert
    assert found is not None
    return found.certificate


@pytest.mark.parametrize(
    ("given_name", "surname", "display_name"),
    [
        ("Jürgen", "Müller-Groß", ""),
        ("Łukasz", "Żółć", ""),
        ("太郎", "山田", "山田太郎"),
        ("محمد", "الخطيب", ""),
        ("Ελένη", "Παπαδοπούλου", ""),
        ("प्रिया", "शर्मा", ""),
    ],
)
def test_names_of_every_script(given_name: str, surname: str, display_name: str) -> None:
    names = {"given_name": given_name, "surname": surname}
    person = entered("1", **names, **({"display_name": display_name} if display_name else {}))
    certificate, passphrase = walked(person)

    subject = opened(certificate, passphrase).subject
    assert subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == person.display_name


@pytest.mark.parametrize("surname", ["Wolfeschlegel" * 6, "Ü" * 33, "山" * 22, "👩🏽x" * 15])
def test_a_name_that_is_too_long_is_cut_and_shown_as_it_is_cut(surname: str) -> None:
    person = entered("2", surname=surname)
    certificate, passphrase = walked(person)

    said = opened(certificate, passphrase).subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
    assert isinstance(said, str)
    assert said == common_name(person.display_name)
    assert len(said.encode()) <= 64
    assert person.display_name.startswith(said)


def test_what_no_ca_would_sign_is_said_when_the_person_is_enabled() -> None:
    cast.token_type("ou", profiles=("ou",))
    profile = cast.profile("ou")
    profile.subject = [["commonName", "{display_name}"], ["organizationalUnitName", "{department}"]]
    profile.save()
    person = entered("3", department="D" * 65)

    with pytest.raises(NotPossible) as refused:
        cast.enabled(cast.person("ada"), person, cast.token_type("ou"))
    assert "64" in str(refused.value)
    assert not TokenRequest.objects.exists()


def test_a_decomposed_name_is_the_composed_one() -> None:
    person = entered("4", given_name="Ju\u0308rgen", surname="Mu\u0308ller")

    assert person.display_name == "J\u00fcrgen M\u00fcller"
    assert list(Person.objects.matching("Mu\u0308ller")) == [person]
    certificate, passphrase = walked(person)
    said = opened(certificate, passphrase).subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
    assert said == "J\u00fcrgen M\u00fcller"


@pytest.mark.parametrize("name", ["Jane\x00", "Jane\nBcc: x@example.com", "Jane\u202eenaJ", "Ja\ue000ne"])
def test_what_deceives_the_eye_is_refused_by_code_point(name: str) -> None:
    with pytest.raises(NotPossible, match=r"U\+"):
        entered("5", surname=name)
    assert not Person.objects.exists()


@pytest.mark.parametrize(
    "surname", ["Doe, Jane + O=Evil", 'Doe" CN=root', "Doe\\, O=Evil", "#0402FFFF", "Doe;OU=x"]
)
def test_a_name_that_looks_like_a_subject_is_one_attribute(surname: str) -> None:
    certificate, passphrase = walked(entered("6", surname=surname, display_name=surname))

    subject = opened(certificate, passphrase).subject
    assert [attribute.oid for attribute in subject] == [NameOID.COMMON_NAME, NameOID.SERIAL_NUMBER]
    assert subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == surname


def test_plus_addresses_are_kept_and_are_addresses_of_their_own() -> None:
    entered("7", email="jane@example.com")
    certificate, passphrase = walked(entered("8", email="jane+smime@example.com"))

    assert mailboxes(opened(certificate, passphrase)) == ["jane+smime@example.com"]


def test_a_domain_of_other_letters_stands_in_the_certificate_as_a_labels() -> None:
    certificate, passphrase = walked(entered("8", email="jane@münchen.example"))

    assert mailboxes(opened(certificate, passphrase)) == ["jane@xn--mnchen-3ya.example"]


def mailboxes(certificate: x509.Certificate) -> list[str]:
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return names.get_values_for_type(x509.RFC822Name)


@pytest.mark.parametrize(
    "address",
    [
        "jürgen@example.com",
        '"jane doe"@example.com',
        "jane doe@example.com",
        "jane",
        "jane@localhost",
        "jane@[127.0.0.1]",
        f"{'j' * 65}@example.com",
    ],
)
def test_an_address_that_not_everybody_can_reach_is_refused(address: str) -> None:
    with pytest.raises(NotPossible) as refused:
        entered("9", email=address)
    assert refused.value.field == "email"
    assert not Person.objects.exists()


def test_one_address_one_person_and_equal_names_are_told_apart_by_number() -> None:
    first, _secret = walked(entered("11", email="jane@example.com"))
    with pytest.raises(NotPossible):
        entered("12", email="Jane@Example.com")
    second, _secret = walked(entered("12", email="jane.doe@example.com"))

    subjects = [x509.load_der_x509_certificate(each.der).subject for each in (first, second)]
    assert subjects[0] != subjects[1]
    assert {each.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value for each in subjects} == {"Jane Doe"}


def test_what_the_record_lacks_is_named_before_anything_is_asked() -> None:
    profile = cast.profile("logon")
    profile.subject_alt_names = [["upn", "{upn}"]]
    profile.save()
    logon = cast.token_type("logon", profiles=("logon",))
    person = entered("12")

    with pytest.raises(NotPossible, match="user principal name"):
        step1_enable.enable(actor=cast.person("ada"), person_id=person.pk, type_ids=[logon.pk])


def test_an_identifier_is_never_given_again() -> None:
    person = entered("29")
    with pytest.raises(NotPossible) as refused:
        entered("29", email="other@example.com")
    assert refused.value.field == "personnel_number"
    person.lock()
    person.save()
    with pytest.raises(NotPossible):
        entered("29", email="other@example.com")


def test_the_same_key_is_never_certified_twice() -> None:
    """The database itself refuses it, whatever the generator of random numbers does."""
    certificate, _secret = walked(entered("30"))
    fields = {field.name: field for field in Certificate._meta.get_fields()}

    assert certificate.public_key_sha256
    assert getattr(fields["public_key_sha256"], "unique", False)
