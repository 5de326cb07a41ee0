"""Sign-in letters as a PDF: a list for the officer, then one page for each person.

Rendered by fpdf2 in FiraGO (Latin, Greek, Cyrillic, Arabic, Hebrew, Thai, Georgian, Devanagari) and in the
fonts of LETTER_FONTS. The address stands in the window of an envelope (DIN 5008, form B).
"""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pymupdf_fonts
from django.conf import settings
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from identity_manager.mail.composing import selfservice_url
from identity_manager.models import Person
from identity_manager.queries import looks
from identity_manager.transactions.refusals import Reason
from identity_manager.ui.punctuation import labelled
from identity_manager.workflow.people.sign_in_letters import Batch, Letter

if TYPE_CHECKING:
    from fontTools.ttLib import TTFont
    from fpdf import FPDF

TEXT, CODE = "letter", "code"
FONTS = {(TEXT, ""): "figo", (TEXT, "B"): "figbo", (CODE, ""): "fimo"}
MARGIN, WINDOW_TOP = 25, 50  # millimetres
LOGO_TOP, LOGO_BOX = 12, (60, 16)
LINE = 6
PAGE_HEIGHT, FOOT_BOTTOM = 297, 12
FOOT_SIZES = (9, 8, 7, 6, 5)  # points: the first in which the foot fits under the letter
BOX = 3.6
BLACK = "#000000"
NO_FONT = gettext_lazy(
    "The fonts of the letters lack %(characters)s. Make this code singly, on the page of the person."
)


def lacking(text: str) -> str:
    """The characters that no configured font has."""
    return "".join(sorted({each for each in text if ord(each) not in _covered() and not each.isspace()}))


def reason(person: Person) -> Reason:
    """Reason why no letter can be rendered for this person: characters that the font lacks."""
    missing = " ".join(lacking(person.display_name))
    return Reason("no-font", NO_FONT % {"characters": missing})


@lru_cache(maxsize=1)
def _covered() -> frozenset[int]:
    with _font_files() as files:
        fonts = [_first_font(path) for path in (files[TEXT, ""], *_more_fonts())]
        return frozenset(point for font in fonts for point in font.getBestCmap())


def _first_font(path: Path) -> "TTFont":
    # Imported here and below, because every process would load it at its start for one rare page.
    from fontTools.ttLib import TTCollection, TTFont

    if path.suffix.lower() in (".ttc", ".otc"):
        return TTCollection(path, lazy=True).fonts[0]
    return TTFont(path, lazy=True)


def _more_fonts() -> list[Path]:
    return [Path(each) for each in settings.LETTER_FONTS]


@contextmanager
def _font_files() -> Iterator[dict[tuple[str, str], Path]]:
    """The fonts of the package, unpacked to files as fpdf2 reads files only."""
    with tempfile.TemporaryDirectory(prefix="letter-fonts-") as directory:
        files = {}
        for key, name in FONTS.items():
            files[key] = Path(directory) / f"{name}.ttf"
            files[key].write_bytes(pymupdf_fonts.myfont(name))
        yield files


def as_pdf(batch: Batch, *, actor: Person) -> bytes:
    """The PDF: the list in the active language, each letter in the language of its reader."""
    with _font_files() as files:
        pdf = _document(files)
        _list(pdf, batch, actor)
        for letter in batch.letters:
            with translation.override(letter.code.person.language):
                _letter(pdf, letter)
        return bytes(pdf.output())


def _document(files: dict[tuple[str, str], Path]) -> "FPDF":
    from fpdf import FPDF  # as above

    pdf = FPDF(format="A4")
    for (family, style), path in files.items():
        pdf.add_font(family, style, path)
    for number, path in enumerate(_more_fonts()):
        pdf.add_font(f"more{number}", "", path)
    pdf.set_fallback_fonts([f"more{number}" for number in range(len(_more_fonts()))], exact_match=False)
    pdf.set_text_shaping(use_shaping_engine=True)
    pdf.set_margins(MARGIN, MARGIN)
    pdf.set_auto_page_break(auto=True, margin=MARGIN)
    pdf.set_title(_("Sign-in codes"))
    pdf.set_creator(looks.in_force().officers_name)
    return pdf


def _list(pdf: "FPDF", batch: Batch, actor: Person) -> None:
    """The list for the officer: names without codes."""
    pdf.add_page()
    _headline(pdf, _("Sign-in codes"))
    made = _("Made by %(officer)s on %(day)s.") % {"officer": actor.display_name, "day": _today()}
    _paragraph(pdf, made)
    _paragraph(pdf, _("Hand each letter over in person or by internal post, closed, and tick it off here."))
    _names(pdf, _("Letters"), [_name(each.code.person) for each in batch.letters], box=True)
    _names(pdf, _("Wait for a second officer"), [_name(person) for person in batch.waiting])
    _names(pdf, _("Not possible"), [labelled(_name(person), reason) for person, reason in batch.refused])


def _names(pdf: "FPDF", title: str, lines: Sequence[str], *, box: bool = False) -> None:
    if lines:
        pdf.ln(LINE)
        _paragraph(pdf, title, style="B")
        for line in lines:
            if box:
                pdf.rect(MARGIN + 1, pdf.get_y() + 1.2, BOX, BOX)
                pdf.set_x(MARGIN + 2 * BOX)
            _paragraph(pdf, line)


def _name(person: Person) -> str:
    return f"{person.display_name} ({person.personnel_number})"


def _letter(pdf: "FPDF", letter: Letter) -> None:
    person = letter.code.person
    pdf.add_page()
    _head(pdf)
    _address(pdf, person)
    pdf.set_y(WINDOW_TOP + 55)
    _headline(pdf, _("Your sign-in code"))
    _paragraph(pdf, _("With this code you sign in to Self-Service for the first time and set a password."))
    pdf.ln(LINE)
    pdf.set_font(CODE, size=20)
    pdf.cell(text=letter.secret, new_x="LMARGIN", new_y="NEXT")
    pdf.ln(LINE)
    for number, step in enumerate(_steps(letter), start=1):
        _paragraph(pdf, f"{number}.  {step}")
    pdf.ln(LINE)
    _paragraph(pdf, _("Keep this letter closed to others, and destroy it once you have signed in."))
    _paragraph(
        pdf,
        _("If you did not expect it, or it was open when you got it, tell your Registration Officer."),
    )
    _foot(pdf)


def _steps(letter: Letter) -> Iterator[str]:
    person = letter.code.person
    yield _("Open %(address)s.") % {"address": selfservice_url("first_sign_in")}
    yield _("Type your personnel number: %(number)s") % {"number": person.personnel_number}
    yield _("Type the code above, and a password of your own, twice.")
    if letter.code.expires_at is not None:
        expires = timezone.localtime(letter.code.expires_at, timezone.get_default_timezone())
        yield _("Do so before %(day)s: the code works once, and until then.") % {
            "day": date_format(expires, "DATETIME_FORMAT")
        }


def _head(pdf: "FPDF") -> None:
    """The company's logo and name, above the window; nothing where the looks are ours."""
    seen = looks.in_force()
    logo = looks.logo(seen.logo_sha256)
    if logo is not None:
        pdf.image(BytesIO(logo), x=MARGIN, y=LOGO_TOP, w=LOGO_BOX[0], h=LOGO_BOX[1], keep_aspect_ratio=True)
    if seen.name:
        pdf.set_y(LOGO_TOP + (LOGO_BOX[1] if logo is not None else 0))
        _paragraph(pdf, seen.name, style="B")


def _foot(pdf: "FPDF") -> None:
    """Draw the help desk and the company's links, to be typed, at the foot, however long they are."""
    seen = looks.in_force()
    labels = (("", seen.help_desk), (_("Imprint"), seen.imprint), (_("Privacy"), seen.privacy))
    text = "\n".join(labelled(label, words) for label, words in labels if str(words))
    if not text:
        return
    room = PAGE_HEIGHT - FOOT_BOTTOM - pdf.get_y()
    heights = ((size, _foot_height(pdf, text, size)) for size in FOOT_SIZES)
    size, height = next((found for found in heights if found[1] <= room), (FOOT_SIZES[-1], room))
    pdf.set_auto_page_break(auto=False)
    pdf.set_y(PAGE_HEIGHT - FOOT_BOTTOM - height)
    pdf.set_font(TEXT, size=size)
    pdf.multi_cell(0, size / 2, text, align="L", new_x="LMARGIN", new_y="NEXT")
    pdf.set_auto_page_break(auto=True, margin=MARGIN)


def _foot_height(pdf: "FPDF", text: str, size: int) -> float:
    from fpdf.enums import MethodReturnValue  # as above

    pdf.set_font(TEXT, size=size)
    height: Any = pdf.multi_cell(0, size / 2, text, align="L", dry_run=True, output=MethodReturnValue.HEIGHT)
    return float(height)


def _address(pdf: "FPDF", person: Person) -> None:
    pdf.set_y(WINDOW_TOP)
    for line in (person.display_name, person.department, person.organisational_unit):
        if line:
            _paragraph(pdf, line)


def _headline(pdf: "FPDF", text: str) -> None:
    """In the company's accent colour, as it is on light pages."""
    colours = looks.in_force().colours
    pdf.set_font(TEXT, "B", 16)
    pdf.set_text_color(colours.light.accent if colours else BLACK)
    pdf.multi_cell(0, 9, text, align="L", new_x="LMARGIN", new_y="NEXT")
    pdf.set_text_color(BLACK)
    pdf.ln(2)


def _paragraph(pdf: "FPDF", text: str, *, style: str = "") -> None:
    pdf.set_font(TEXT, style, 11)
    pdf.multi_cell(0, LINE, text, align="L", new_x="LMARGIN", new_y="NEXT")


def _today() -> str:
    return date_format(timezone.localdate(), "DATE_FORMAT")
