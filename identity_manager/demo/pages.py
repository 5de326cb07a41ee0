"""HTML parser for the scripted browser: finds text, links, buttons and forms by their visible text."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin

VOID = frozenset({"input", "br", "hr", "img", "meta", "link", "use", "path", "wbr"})
UNSEEN = frozenset({"script", "style", "title", "template", "noscript"})
BUTTON_TYPES = ("submit", "button", "reset", "image")


class NotOnThePageError(Exception):
    """The expected element is not on the page."""


@dataclass
class Control:
    """A control of a form: input, textarea or select. options: value and label of each."""

    name: str
    kind: str
    value: str = ""
    checked: bool = False
    disabled: bool = False
    element_id: str = ""
    label: str = ""
    options: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class Form:
    """An HTML form with its controls. buttons: their visible text."""

    action: str
    method: str
    controls: list[Control] = field(default_factory=list)
    buttons: list[str] = field(default_factory=list)

    def check(self, label: str) -> None:
        """Tick the first enabled check box or radio button whose label begins with this text.

        Raises NotOnThePageError.
        """
        for control in self.controls:
            named = control.kind in ("checkbox", "radio") and control.label.startswith(label)
            if named and not control.disabled:
                control.checked = True
                return
        raise NotOnThePageError(f"no enabled check box {label!r}; there are {self._labels('checkbox')}")

    def offers(self, label: str) -> bool:
        """Whether there is an enabled check box whose label begins with this text."""
        return any(
            control.kind == "checkbox" and control.label.startswith(label) and not control.disabled
            for control in self.controls
        )

    def fill(self, name: str, value: str) -> None:
        """Set the value of a field, or select its radio button of this value. Raises NotOnThePageError."""
        for control in self.controls:
            if control.name == name and control.kind == "radio" and control.value == value:
                control.checked = True
                return
            if control.name == name and control.kind != "radio":
                control.value = value
                return
        raise NotOnThePageError(f"no field {name!r}; there are {[each.name for each in self.controls]}")

    def data(self) -> list[tuple[str, str]]:
        """Names and values that a browser would submit."""
        return [
            (control.name, control.value)
            for control in self.controls
            if control.name
            and not control.disabled
            and (control.kind not in ("checkbox", "radio") or control.checked)
        ]

    def _labels(self, kind: str) -> list[str]:
        return [control.label for control in self.controls if control.kind == kind]


@dataclass
class Link:
    """A link and its visible text."""

    url: str
    text: str


class HtmlPage:
    """A parsed page. outputs: text of its <output> elements (secrets, once shown), without white space."""

    def __init__(self, url: str, html: str, *, status: int = 200) -> None:
        self.url = url
        self.html = html
        self.status = status
        reader = _Reader()
        reader.feed(html)
        self.text = " ".join("".join(reader.words).split())
        self.forms = reader.forms
        self.links = [Link(urljoin(url, link.url), " ".join(link.text.split())) for link in reader.links]
        self.outputs = ["".join(output.split()) for output in reader.outputs]

    def form(self, button: str) -> Form:
        """The first form that has this button. Raises NotOnThePageError."""
        for form in self.forms:
            if button in form.buttons:
                return form
        buttons = [name for form in self.forms for name in form.buttons]
        raise NotOnThePageError(f"no button {button!r} on {self.url} ({self.status}); there are {buttons}")

    def link(self, text: str, *, within: str = "") -> str:
        """URL of the first link that begins with this text; the URL contains `within`.

        Raises NotOnThePageError.
        """
        for url in self.links_named(text):
            if within in url:
                return url
        raise NotOnThePageError(f"no link {text!r} on {self.url} ({self.status})")

    def links_named(self, text: str) -> Iterator[str]:
        """URLs of all links that begin with these words (the rest may be for screen readers only)."""
        return (link.url for link in self.links if f"{link.text} ".startswith(f"{text} "))


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self.forms: list[Form] = []
        self.links: list[Link] = []
        self.outputs: list[str] = []
        self._open: list[str] = []
        self._form: Form | None = None
        self._collecting: dict[str, list[str]] = {}
        self._labelled: str | Control = ""
        self._labels: dict[str, str] = {}
        self._select: Control | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag not in VOID:
            self._open.append(tag)
        opener = getattr(self, f"_open_{tag}", None)
        if opener is not None:
            opener(attributes)
        self.words.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            while self._open.pop() != tag:
                pass
        closer = getattr(self, f"_close_{tag}", None)
        if closer is not None:
            closer()
        self.words.append(" ")

    def handle_data(self, data: str) -> None:
        for collected in self._collecting.values():
            collected.append(data)
        if not UNSEEN.intersection(self._open):
            self.words.append(data)

    def _open_form(self, attributes: dict[str, str]) -> None:
        self._form = Form(attributes.get("action", ""), attributes.get("method", "get").lower())
        self.forms.append(self._form)

    def _close_form(self) -> None:
        for control in self._form.controls if self._form else []:
            control.label = control.label or self._labels.get(control.element_id, "")
        self._form = None

    def _open_input(self, attributes: dict[str, str]) -> None:
        kind = attributes.get("type", "text")
        if self._form is None or kind in BUTTON_TYPES:
            return
        value = attributes.get("value", "on" if kind in ("checkbox", "radio") else "")
        control = Control(
            name=attributes.get("name", ""),
            kind=kind,
            value=value,
            checked="checked" in attributes,
            disabled="disabled" in attributes,
            element_id=attributes.get("id", ""),
        )
        self._form.controls.append(control)
        if "label" in self._collecting:
            self._labelled = control

    def _open_textarea(self, attributes: dict[str, str]) -> None:
        if self._form is not None:
            self._form.controls.append(
                Control(attributes.get("name", ""), "textarea", element_id=attributes.get("id", ""))
            )
            self._collecting["textarea"] = []

    def _close_textarea(self) -> None:
        written = "".join(self._collecting.pop("textarea", []))
        if self._form is not None:
            self._form.controls[-1].value = written.removeprefix("\n")  # as HTML parsers do

    def _open_select(self, attributes: dict[str, str]) -> None:
        self._select = Control(attributes.get("name", ""), "select", element_id=attributes.get("id", ""))
        if self._form is not None:
            self._form.controls.append(self._select)

    def _close_select(self) -> None:
        self._select = None

    def _open_option(self, attributes: dict[str, str]) -> None:
        if self._select is not None:
            value = attributes.get("value", "")
            self._select.options.append((value, ""))
            if "selected" in attributes or len(self._select.options) == 1:
                self._select.value = value

    def _open_label(self, attributes: dict[str, str]) -> None:
        self._labelled = attributes.get("for", "")
        self._collecting["label"] = []

    def _close_label(self) -> None:
        text = " ".join("".join(self._collecting.pop("label", [])).split())
        if isinstance(self._labelled, Control):
            self._labelled.label = text
        elif self._labelled:
            self._labels[self._labelled] = text
        self._labelled = ""

    def _open_button(self, _attributes: dict[str, str]) -> None:
        self._collecting["button"] = []

    def _close_button(self) -> None:
        text = " ".join("".join(self._collecting.pop("button", [])).split())
        if self._form is not None:
            self._form.buttons.append(text)

    def _open_a(self, attributes: dict[str, str]) -> None:
        self._collecting["a"] = []
        self.links.append(Link(attributes.get("href", ""), ""))

    def _close_a(self) -> None:
        if "a" in self._collecting:
            self.links[-1].text = "".join(self._collecting.pop("a"))

    def _open_output(self, _attributes: dict[str, str]) -> None:
        self._collecting["output"] = []

    def _close_output(self) -> None:
        self.outputs.append("".join(self._collecting.pop("output", [])))
