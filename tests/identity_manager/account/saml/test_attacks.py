"""SAML 2.0 under attack: each is refused in a sentence, and nobody is signed in; never a 500."""

import copy
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from allauth.socialaccount.models import SocialAccount
from lxml import etree
from pytest_django import Settings
from saml2.saml import NAMEID_FORMAT_PERSISTENT, NameID

from identity_manager.models import AcceptedMessage, Person
from tests.identity_manager.account.saml.conftest import ACS, NS, SP, Browser, Provider, configure, key_pair
from tests.identity_manager.account.saml.test_sign_in import refused_with
from tests.identity_manager.account.sign_in import factors
from tests.tools import cast

pytestmark = [pytest.mark.django_db, pytest.mark.needs_program("xmlsec1"), pytest.mark.long]
STATES = "socialaccount_states"
UMA = NameID(format=NAMEID_FORMAT_PERSISTENT, text="uma-at-the-idp")
Change = Callable[[Any], object]


@pytest.fixture
def uma() -> Person:
    return cast.person("uma", personnel_number="E-UMA")


def assertion_of(document: Any) -> Any:
    return document.find("saml:Assertion", NS)


def signed_parts(document: Any) -> list[Any]:
    """Of a signature itself some parts, such as its Id, are not signed."""
    assertion = assertion_of(document)
    signature = set(assertion.find("ds:Signature", NS).iter())
    return [each for each in assertion.iter() if each is not assertion and each not in signature]


def changed(answer: str, change: Change) -> bytes:
    document = etree.fromstring(answer.encode())
    change(document)
    return etree.tostring(document)


# --- Signatures ------------------------------------------------------------------------------------
@pytest.mark.parametrize("response", [False, True], ids=["nothing", "the response alone"])
def test_the_assertion_is_not_signed(
    browser: Browser, provider: Provider, uma: Person, *, response: bool
) -> None:
    answer = provider.answer(browser.start(), sign_assertion=False, sign_response=response)
    refused_with(browser, browser.arrive(answer), "saml-not-right")


def test_signed_by_another_key(browser: Browser, uma: Person, tmp_path: Path) -> None:
    answer = Provider(tmp_path, "evil").answer(browser.start())
    refused_with(browser, browser.arrive(answer), "saml-not-right")


def _value(document: Any) -> None:
    document.find(".//saml:AttributeValue", NS).text = "E-ADA"


def _name(document: Any) -> None:
    document.find(".//saml:NameID", NS).text = "ada-at-the-idp"


def _question(document: Any) -> None:
    document.find(".//saml:SubjectConfirmationData", NS).set("InResponseTo", "another")


def _signature(document: Any) -> None:
    value = document.find(".//ds:SignatureValue", NS)
    value.text = value.text[::-1]


def _taken_out(document: Any) -> None:
    assertion_of(document).remove(document.find(".//ds:Signature", NS))


@pytest.mark.parametrize("change", [_value, _name, _question, _signature, _taken_out])
def test_what_was_changed_after_it_was_signed(
    browser: Browser, provider: Provider, uma: Person, change: Change
) -> None:
    answer = changed(provider.answer(browser.start()), change)
    refused_with(browser, browser.arrive(answer), "saml-not-right")


# --- XML signature wrapping ------------------------------------------------------------------------
def _evil(document: Any, *, same_id: bool = False) -> Any:
    """A copy of the assertion for somebody else, without a signature of its own."""
    evil = copy.deepcopy(assertion_of(document))
    evil.remove(evil.find("ds:Signature", NS))
    _name(evil)
    _value(evil)
    if not same_id:
        evil.set("ID", "evil")
    return evil


def _before(document: Any) -> None:
    assertion_of(document).addprevious(_evil(document))


def _after(document: Any) -> None:
    assertion_of(document).addnext(_evil(document))


def _same_id(document: Any) -> None:
    assertion_of(document).addprevious(_evil(document, same_id=True))


def _in_advice(document: Any) -> None:
    """The evil one in the place of the signed one, which hides within it."""
    original, evil = assertion_of(document), _evil(document)
    original.addprevious(evil)
    etree.SubElement(evil, f"{{{NS['saml']}}}Advice").append(original)


def _in_object(document: Any) -> None:
    original, evil = assertion_of(document), _evil(document)
    signature = original.find("ds:Signature", NS)
    original.addprevious(evil)
    original.remove(signature)
    evil.insert(1, signature)
    etree.SubElement(signature, f"{{{NS['ds']}}}Object").append(original)


def _in_extensions(document: Any) -> None:
    original = assertion_of(document)
    original.addprevious(_evil(document))
    extensions = etree.Element(f"{{{NS['samlp']}}}Extensions")
    extensions.append(original)
    document.insert(1, extensions)


def _signature_copied(document: Any) -> None:
    original, evil = assertion_of(document), _evil(document)
    evil.insert(1, copy.deepcopy(original.find("ds:Signature", NS)))
    original.addprevious(evil)


@pytest.mark.parametrize(
    "wrap", [_before, _after, _same_id, _in_advice, _in_object, _in_extensions, _signature_copied]
)
def test_wrapped(browser: Browser, provider: Provider, uma: Person, wrap: Change) -> None:
    cast.person("ada", personnel_number="E-ADA")
    answer = changed(provider.answer(browser.start()), wrap)
    refused_with(browser, browser.arrive(answer), "saml-not-right")
    assert not SocialAccount.objects.exists()


def test_a_comment_within_a_signed_name_cuts_nothing_off(
    browser: Browser, provider: Provider, uma: Person
) -> None:
    """Canonicalisation leaves comments out of what is signed: the whole text is the name all the same."""
    evil = NameID(format=NAMEID_FORMAT_PERSISTENT, text="uma-at-the-idp.evil")
    answer = provider.answer(browser.start(), name=evil)
    browser.arrive(answer.replace("uma-at-the-idp.evil", "uma-at-the-idp<!-- -->.evil"))
    assert SocialAccount.objects.get().uid == "uma-at-the-idp.evil"


# --- Stolen and replayed ---------------------------------------------------------------------------
def test_the_same_answer_again(browser: Browser, provider: Provider, uma: Person) -> None:
    answer = provider.answer(browser.start())
    browser.arrive(answer)
    browser.here.post("/account/logout/")
    refused_with(browser, browser.arrive(answer), "sso-lost")


def test_the_same_answer_in_another_browser(browser: Browser, provider: Provider, uma: Person) -> None:
    answer = provider.answer(browser.start())
    thief = Browser()
    thief.start()
    refused_with(thief, thief.arrive(answer), "sso-lost")
    browser.arrive(answer)
    assert browser.is_signed_in, "the thief has used nothing up"


def test_an_assertion_is_accepted_once_whatever_the_session_says(
    browser: Browser, provider: Provider, uma: Person
) -> None:
    """As if somebody could write into sessions."""
    answer = provider.answer(browser.start())
    states = dict(browser.here.session[STATES])
    browser.arrive(answer)
    assert AcceptedMessage.objects.count() == 1
    thief = Browser()
    thief.start()
    session = thief.here.session
    session[STATES] = states
    session.save()
    refused_with(thief, thief.arrive(answer), "sign-in-replayed")


@pytest.mark.parametrize("outer", ["none", "own"])
def test_nobody_asked(browser: Browser, provider: Provider, uma: Person, outer: str) -> None:
    """An answer without a question, stolen: where only the assertion is signed, a thief writes one on it."""
    question = browser.start()

    def ask(document: Any) -> None:
        if outer == "own":
            document.set("InResponseTo", question)

    refused_with(browser, browser.arrive(changed(provider.answer(None), ask)), "saml-not-asked")


def test_the_question_around_the_assertion_was_exchanged(
    browser: Browser, provider: Provider, uma: Person
) -> None:
    answer = provider.answer(Browser().start())
    question = browser.start()
    other = changed(answer, lambda document: document.set("InResponseTo", question))
    refused_with(browser, browser.arrive(other), "saml-not-right")


def test_the_question_was_put_to_another_provider(browser: Browser, provider: Provider, uma: Person) -> None:
    question = browser.start()
    session = browser.here.session
    session[STATES] = {question: (*session[STATES][question][:2], "saml:other")}
    session.save()
    refused_with(browser, browser.arrive(provider.answer(question)), "sso-lost")


# --- For somebody else, at another time ------------------------------------------------------------
@pytest.mark.parametrize("wrong", ["audience", "recipient"])
def test_for_somebody_else(browser: Browser, provider: Provider, uma: Person, wrong: str) -> None:
    elsewhere = {"audience": {"audience": "https://elsewhere.example/"}, "recipient": {"acs": f"{ACS}other/"}}
    answer = provider.answer(browser.start(), **elsewhere[wrong])
    refused_with(browser, browser.arrive(answer), "saml-not-right")


def test_another_issuer(browser: Browser, provider: Provider, uma: Person, settings: Settings) -> None:
    question = browser.start()
    configure(settings, provider, entity_id="https://other.example/metadata")
    refused_with(browser, browser.arrive(provider.answer(question)), "saml-not-right")


@pytest.mark.parametrize(
    ("seconds", "code"), [(290, ""), (-290, ""), (3_000, "saml-clock"), (-90_000, "saml-clock")]
)
def test_the_clocks_differ(
    browser: Browser, provider: Provider, uma: Person, seconds: int, code: str
) -> None:
    """python3-saml allows five minutes either way; how far it is off stands in the log."""
    question = browser.start()
    with factors.later(seconds):
        answer = provider.answer(question)
    response = browser.arrive(answer)
    if code:
        refused_with(browser, response, code)
    else:
        assert browser.is_signed_in


# --- What is no answer -----------------------------------------------------------------------------
def test_an_encrypted_assertion(browser: Browser, provider: Provider, uma: Person, tmp_path: Path) -> None:
    _key, certificate = key_pair(tmp_path, "sp")
    answer = provider.server.create_authn_response(
        {"employeeNumber": "E-UMA"},
        browser.start(),
        ACS,
        sp_entity_id=SP,
        name_id=UMA,
        authn={"class_ref": "urn:example:one"},
        encrypt_assertion=True,
        encrypt_cert_assertion="".join(certificate.read_text().splitlines()[1:-1]),
        sign_assertion=True,
    )
    assert "EncryptedAssertion" in str(answer)
    refused_with(browser, browser.arrive(str(answer)), "saml-encrypted")


def test_the_provider_says_no(browser: Browser, provider: Provider, uma: Person) -> None:
    answer = provider.server.create_error_response(browser.start(), ACS, Exception("no"))
    refused_with(browser, browser.arrive(str(answer)), "sso-cancelled")


@pytest.mark.parametrize(
    "declaration",
    [
        '<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>',
        '<!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE r SYSTEM "http://127.0.0.1:9/">',
    ],
)
def test_a_document_type(browser: Browser, provider: Provider, uma: Person, declaration: str) -> None:
    body = changed(provider.answer(browser.start()), lambda document: document).decode()
    refused_with(browser, browser.arrive(f"{declaration}{body}"), "saml-unreadable", 400)


@pytest.mark.parametrize("body", [b"\xff\xfe", b"<a/>", b"<a><b></a>", b"{}", b"<a>" * 5_000], ids=len)
def test_what_is_no_saml(browser: Browser, body: bytes) -> None:
    browser.start()
    response = browser.arrive(body)
    assert response.status_code in (400, 403)
    assert "You are not signed in" in response.text


@pytest.mark.parametrize("body", ["", "A" * 300_000, "%%%"], ids=["empty", "long", "no base64"])
def test_what_is_no_base64_or_too_long(browser: Browser, body: str) -> None:
    browser.start()
    browser.here.post("/account/sso/corp/saml/acs/", {"SAMLResponse": body})
    for _try in range(2):
        page = browser.here.get("/account/sso/corp/saml/finish/")
        assert page.status_code == 400
        assert "You are not signed in" in page.text


def test_parts_that_are_missing_are_never_a_fault_of_ours(
    browser: Browser, provider: Provider, uma: Person
) -> None:
    """Each signed element taken out, or one of its attributes: a sentence each time."""
    answer = provider.answer(browser.start())
    chance = random.Random(25)  # noqa: S311 the same each time
    for number in range(len(signed_parts(etree.fromstring(answer.encode())))):

        def without(document: Any, number: int = number) -> None:
            element = signed_parts(document)[number]
            if element.attrib and chance.random() < 0.5:
                element.attrib.pop(chance.choice(sorted(element.attrib)))
            else:
                element.getparent().remove(element)

        response = browser.arrive(changed(answer, without))
        assert response.status_code in (400, 403), number
        assert not browser.is_signed_in
