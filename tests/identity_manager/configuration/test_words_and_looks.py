"""Mail texts and looks as configuration files: drafts that a second System Administrator activates."""

import base64
from io import BytesIO

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from identity_manager.catalogue import logo, looks, mail_texts
from identity_manager.catalogue.looks import Picture
from identity_manager.configuration import importing, signature
from identity_manager.configuration.kind import Effect
from identity_manager.configuration.reading import MOST_BYTES, read
from identity_manager.configuration.writing import exported
from identity_manager.mail.company_texts.liquid import TextFault
from identity_manager.mail.company_texts.wording import Wording
from identity_manager.models import AuditEvent, Looks, MailText, Person
from identity_manager.transactions.refusals import NotAllowed, NotPossible, Stale
from tests.identity_manager.configuration.conftest import effects, imported
from tests.tools import looks as company_looks

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.database,
    pytest.mark.long,
    pytest.mark.nightly_on_postgresql,
]
BODY = "Dear {{ person.name }},\n\n- your password is new."
TEXTS = """
[[mail-text]]
code = "password_set.en"
subject = "Your new password"
body = \"\"\"
Dear {{ person.name }},

- your password is new.
\"\"\"

[[mail-text]]
code = "password_set.de"
subject = "Ihr neues Passwort"
body = "Guten Tag {{ person.name }}."
"""
LOGO = base64.b64encode(company_looks.picture()).decode()
LOOKS = f"""
[[looks]]
code = "looks"
name = "Contoso Trust"
accent = "#1f6feb"
help_desk = {{ en = "IT desk, telephone 4711" }}
logo = "{LOGO}"
"""


def test_texts_and_looks_are_drafts_until_another_officer_activates_them(sven: Person, sara: Person) -> None:
    text = "format = 1\n" + TEXTS + LOOKS
    drafts = importing.compare(actor=sven, text=text).of(Effect.DRAFT)
    assert [(row.code, row.remark) for row in drafts] == [
        ("password_set.en", ""),
        ("password_set.de", ""),
        ("looks", ""),
    ]
    assert not MailText.objects.exists()
    imported(sven, text)
    assert not MailText.objects.active().exists()
    assert not Looks.objects.active().exists()
    again = effects(importing.compare(actor=sven, text=text))
    assert {
        again[name] for name in ("mail-text password_set.en", "mail-text password_set.de", "looks looks")
    } == {"waits"}
    seen, row = mail_texts.seen_of("password_set", "en"), Looks.objects.drafts().get()
    with pytest.raises(NotAllowed):
        mail_texts.activate(actor=sven, message="password_set", language="en", seen=seen, four_eyes=True)
    with pytest.raises(NotAllowed):
        looks.activate(actor=sven, revision=row.version, four_eyes=True)
    assert list(Looks.objects.decidable_by(sara)) == [row]
    mail_texts.activate(actor=sara, message="password_set", language="en", seen=seen, four_eyes=True)
    looks.activate(actor=sara, revision=row.version, four_eyes=True)
    assert MailText.objects.active().get().body == BODY
    assert (row.name, row.help_desk.default, row.logo_width) == (
        "Contoso Trust",
        "IT desk, telephone 4711",
        40,
    )


def test_an_export_brings_them_to_another_installation(sven: Person, sara: Person) -> None:
    imported(sven, "format = 1\n" + TEXTS + LOOKS)
    row = Looks.objects.drafts().get()
    looks.activate(actor=sara, revision=row.version, four_eyes=True)
    for language in ("en", "de"):
        seen = mail_texts.seen_of("password_set", language)
        mail_texts.activate(actor=sara, message="password_set", language=language, seen=seen, four_eyes=True)
    text = signature.signed(exported())
    assert signature.origin_of(text).is_own
    assert {row.effect for row in importing.compare(actor=sven, text=text).rows} == {Effect.SAME}

    MailText.objects.all().delete()
    Looks.objects.all().delete()
    imported(sara, text)
    assert sorted(MailText.objects.drafts().values_list("code", "body")) == [
        ("password_set.de", "Guten Tag {{ person.name }}."),
        ("password_set.en", BODY),
    ]
    moved = Looks.objects.drafts().get()
    assert (bytes(moved.logo or b""), moved.logo_sha256) == (bytes(row.logo or b""), row.logo_sha256)


def test_a_comparison_names_the_logo_by_its_digest(sven: Person, sara: Person) -> None:
    company_looks.in_force(sara)
    white = base64.b64encode(company_looks.picture("white")).decode()
    (row,) = importing.compare(
        actor=sven, text="format = 1\n" + LOOKS.replace(LOOKS[LOOKS.index("logo") :], f"logo = '{white}'")
    ).of(Effect.DRAFT)
    (logo,) = [change for change in row.changes if str(change.label) == "Logo"]
    assert str(logo.before).startswith("SHA-256 ")
    assert logo.before != logo.after


def test_a_picture_that_is_encoded_otherwise_is_the_same_looks(sven: Person, sara: Person) -> None:
    company_looks.in_force(sara)
    told = PngInfo()
    told.add_text("Comment", "of another program")
    written = BytesIO()
    Image.open(BytesIO(company_looks.picture())).save(written, format="PNG", pnginfo=told)
    start = exported().index("logo = ")
    text = exported()[:start] + f"logo = '{base64.b64encode(written.getvalue()).decode()}'\n"
    assert effects(importing.compare(actor=sven, text=text))["looks looks"] == "same"


def test_looks_that_say_nothing_are_those_of_the_product(sven: Person) -> None:
    (left,) = importing.compare(actor=sven, text='format = 1\n[[looks]]\ncode = "looks"\n').of(Effect.LEFT)
    assert left.remark == "The draft looks as what everybody sees already."
    assert not Looks.objects.exists()


def test_the_largest_logo_of_all_is_exported_and_imported(sven: Person, sara: Person) -> None:
    noise = Image.effect_noise((600, 600), 100).convert("RGB")
    written = BytesIO()
    noise.save(written, format="JPEG", quality=90)
    draft = looks.save_draft(
        actor=sara, revision=None, values=company_looks.VALUES, picture=Picture(file=written.getvalue())
    )
    looks.activate(actor=sara, revision=draft.version, four_eyes=False)
    text = exported()
    assert len(text) < MOST_BYTES
    Looks.objects.all().delete()
    imported(sven, text)
    assert bytes(Looks.objects.get().logo or b"") == bytes(draft.logo or b"")


@pytest.mark.parametrize(
    ("find", "write", "told"),
    [
        ("password_set.de", "password_set.xx", "There is no mail of this name in this language here"),
        ("password_set.de", "nothing.de", "There is no mail of this name in this language here"),
        ("{{ person.name }}.", "{{ token.passphrase }}.", "There is no placeholder token.passphrase"),
        ("{{ person.name }}.", "https://evil.example/login", "looks like a link"),
        ("{{ person.name }}.", "{% include 'x' %}", "is not known here"),
        ('"Ihr neues Passwort"', '""', "The subject is empty"),
        ('accent = "#1f6feb"', 'accent = "red;}"', "Enter a colour"),
        ('accent = "#1f6feb"', 'imprint = "javascript:alert(1)"', "Enter an address that begins with https"),
        ('logo = "', 'logo = "PHN2Zz48c2NyaXB0Lz48L3N2Zz4=" #', "An SVG can hold scripts and links"),
        ('logo = "', 'logo = "AAAA" #', "Choose a PNG, JPEG or WebP file"),
    ],
)
def test_what_could_harm_is_no_draft_and_nothing_else_is_made(
    sven: Person, find: str, write: str, told: str
) -> None:
    before = AuditEvent.objects.count()
    text = "format = 1\n" + TEXTS + LOOKS
    assert find in text
    with pytest.raises(NotPossible) as refused:
        imported(sven, text.replace(find, write))
    assert told in str(refused.value)
    counts = (MailText.objects.count(), Looks.objects.count(), AuditEvent.objects.count())
    assert counts == (0, 0, before)


@pytest.mark.parametrize(
    ("find", "write", "told"),
    [
        ('code = "looks"', 'code = "other"', "each entry needs a code that can name it"),
        ('logo = "', 'logo = "no base64!" #', "logo has to be a file in base64"),
        ("password_set.en", "password_set.de", "password_set.de is there twice"),
        ('accent = "#1f6feb"', 'logo_sha256 = "00"', "looks has no key logo_sha256"),
        ('subject = "Ihr neues Passwort"', 'subject = "a\\u202eb"', "subject has to be a text in one line"),
    ],
)
def test_a_wrong_entry_is_refused_by_line(sven: Person, find: str, write: str, told: str) -> None:
    with pytest.raises(NotPossible, match=told):
        importing.compare(actor=sven, text="format = 1\n" + (TEXTS + LOOKS).replace(find, write))


def test_a_draft_that_somebody_writes_is_not_overwritten(sven: Person, sara: Person) -> None:
    wording = Wording("Ours", "Ours.")
    seen = mail_texts.seen_of("password_set", "en")
    mail_texts.save_draft(actor=sara, message="password_set", language="en", seen=seen, wording=wording)
    company_looks.draft(sara)
    for text in (TEXTS, LOOKS):
        with pytest.raises(NotPossible, match="There is a draft of the next version already"):
            imported(sven, "format = 1\n" + text)
    assert MailText.objects.get().body == "Ours."


def test_a_draft_that_somebody_begins_during_an_import_is_not_overwritten(
    sven: Person, sara: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "format = 1\n" + TEXTS
    seen, faults = importing.compare(actor=sven, text=text).seen, mail_texts.faults

    def save_meanwhile(message: str, language: str, wording: Wording) -> dict[str, list[TextFault]]:
        monkeypatch.setattr(mail_texts, "faults", faults)
        now, theirs = mail_texts.seen_of(message, language), Wording("Ours", "Ours.")
        mail_texts.save_draft(actor=sara, message=message, language=language, seen=now, wording=theirs)
        return faults(message, language, wording)

    monkeypatch.setattr(mail_texts, "faults", save_meanwhile)
    with pytest.raises(Stale):
        importing.import_file(actor=sven, text=text, seen=seen)


def test_pictures_of_a_file_that_is_refused_are_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small file may hold a thousand pictures of four million pixels each."""
    decoded: list[bytes] = []
    monkeypatch.setattr(logo, "read", decoded.append)
    with pytest.raises(NotPossible, match="looks is there twice"):
        read("format = 1\n" + LOOKS * 3)
    assert not decoded


def test_what_changed_since_the_comparison_is_not_imported(sven: Person, sara: Person) -> None:
    text = "format = 1\n" + LOOKS
    seen = importing.compare(actor=sven, text=text).seen
    company_looks.in_force(sara, name="Meanwhile")
    with pytest.raises(Stale, match="Look at it again"):
        importing.import_file(actor=sven, text=text, seen=seen)
