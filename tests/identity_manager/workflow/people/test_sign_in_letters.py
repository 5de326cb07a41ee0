"""Letters with sign-in codes: who gets one, who waits, who cannot; and what stands on the paper."""

import io

import pypdf
import pytest
from django.contrib.auth.hashers import make_password
from django.utils import timezone

from identity_manager.console.people.sign_in import sign_in_letters as letters
from identity_manager.models import Account, AuditEvent, OutgoingMail, Person, Role, SignInCode
from identity_manager.transactions.refusals import NotPossible
from identity_manager.workflow.people import sign_in_codes, sign_in_letters
from identity_manager.workflow.people.sign_in_letters import Batch
from tests.tools import cast

pytestmark = [pytest.mark.django_db]


@pytest.fixture
def rita() -> Person:
    return cast.person("rita")


def text_of(content: bytes) -> list[str]:
    """The text of each page."""
    return [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(content)).pages]


def made(rita: Person, *persons: Person) -> Batch:
    return sign_in_letters.make(
        actor=rita, person_ids=[person.pk for person in persons], chosen_at=timezone.now()
    )


def test_each_person_gets_what_they_can_have(rita: Person) -> None:
    nina, ada, left = cast.person("nina", roles=()), cast.person("ada"), cast.person("leo", state="locked")
    batch = made(rita, nina, ada, left)
    assert [letter.code.person for letter in batch.letters] == [nina]
    assert batch.letters[0].code.expires_at == SignInCode.objects.get(person=nina).expires_at is not None
    assert batch.waiting == [ada]
    assert [(person, reason.code) for person, reason in batch.refused] == [(left, "person-locked")]
    code = batch.letters[0]
    account = sign_in_codes.redeem(name="P-nina", code=code.secret, new_password="a quiet green river")
    assert account.person == nina
    assert SignInCode.objects.get(person=ada).made_at is None
    assert OutgoingMail.objects.filter(message="sign_in_code_made").count() == 1
    assert code.secret not in repr(batch)


def test_the_preview_says_the_same_and_changes_nothing(rita: Person) -> None:
    nina, ada, left = cast.person("nina", roles=()), cast.person("ada"), cast.person("leo", state="locked")
    preview = sign_in_letters.preview(actor=rita, persons=[nina, ada, left])
    assert not SignInCode.objects.exists()
    assert not AuditEvent.objects.exists()
    batch = made(rita, nina, ada, left)
    assert [each.code.person for each in preview.letters] == [each.code.person for each in batch.letters]
    assert preview.waiting == batch.waiting
    assert preview.refused == batch.refused


def test_what_a_second_officer_confirmed_is_printed(rita: Person) -> None:
    uma, rolf = cast.person("uma"), cast.person("rolf", roles=(Role.REGISTRATION_OFFICER,))
    Account.objects.create(
        person=uma, username="P-uma", password=make_password("x"), last_login="2026-01-01T00:00Z"
    )
    assert made(rita, uma).waiting == [uma]
    code = SignInCode.objects.get(person=uma)
    sign_in_codes.confirm(actor=rolf, code_id=code.pk)
    assert [letter.code for letter in made(rita, uma).letters] == [code]


def test_a_second_print_of_one_selection_voids_no_letter(rita: Person) -> None:
    nina, chosen_at = cast.person("nina", roles=()), timezone.now()
    first, second = (
        sign_in_letters.make(actor=rita, person_ids=[nina.pk], chosen_at=chosen_at) for _ in range(2)
    )
    assert second.letters == second.waiting == []
    assert [(person, reason.code) for person, reason in second.refused] == [(nina, "code-made-meanwhile")]
    assert made(rita, nina).letters, "chosen again, they get a new code"
    assert SignInCode.objects.get(pk=first.letters[0].code.pk).withdrawn_at is not None


def test_nobody_and_too_many_are_refused_before_anything_is_made(rita: Person) -> None:
    nina = cast.person("nina", roles=())
    for ids, code in (([], "nobody"), ([nina.pk] * 201, "too-many-letters")):
        with pytest.raises(NotPossible) as refusal:
            sign_in_letters.make(actor=rita, person_ids=ids, chosen_at=timezone.now())
        assert refusal.value.reason.code == code
    assert not SignInCode.objects.exists()


def test_a_letter_is_one_page_with_the_code_and_the_list_has_none(rita: Person) -> None:
    nina = cast.person("nina", roles=())
    batch = made(rita, nina)
    first, letter = text_of(letters.as_pdf(batch, actor=rita))
    secret = batch.letters[0].secret
    assert "Nina Muster (P-nina)" in first
    assert secret not in first
    for words in (secret, "Your sign-in code", "/account/first-sign-in/", "P-nina", "Research"):
        assert words in letter


def test_a_letter_speaks_its_readers_language(rita: Person) -> None:
    batch = made(rita, cast.person("nina", roles=(), language="de"))
    assert "Your sign-in code" not in text_of(letters.as_pdf(batch, actor=rita))[1]


@pytest.mark.parametrize(
    "name", ["Zoë Čapek", "Ελένη Παππά", "Игорь Щукин", "محمد", "שרה", "समीर", "สมชาย", "ნინო"]
)
def test_names_in_these_scripts_are_set(rita: Person, name: str) -> None:
    assert letters.lacking(name) == ""
    batch = made(rita, cast.person("nina", roles=(), display_name=name))
    assert letters.as_pdf(batch, actor=rita).startswith(b"%PDF-")


def test_characters_that_no_font_has_are_named() -> None:
    assert letters.lacking("Kim 김민수") == "김민수"
