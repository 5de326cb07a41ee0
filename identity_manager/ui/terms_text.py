"""Parser of the text of terms: paragraphs, and headings that begin with `# `."""

from dataclasses import dataclass

HEADING = "# "


@dataclass(frozen=True)
class Block:
    """A heading or a paragraph."""

    text: str
    is_heading: bool


def blocks(body: str) -> list[Block]:
    """Return the parts of the text; blank lines separate them."""
    parts = body.replace("\r\n", "\n").split("\n\n")
    return [_block(part.strip()) for part in parts if part.strip()]


def _block(part: str) -> Block:
    if part.startswith(HEADING):
        return Block(part.removeprefix(HEADING).strip(), is_heading=True)
    return Block(" ".join(part.split()), is_heading=False)
