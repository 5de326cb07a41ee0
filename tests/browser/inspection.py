"""What every page that a journey visits is held to.

Nothing on the console (a violation of the Content-Security-Policy is said there), nothing that axe finds
(WCAG 2.2 AA), nothing wider than the window, no words of another language, no two parts of one name, and no
secret in what a browser keeps.
"""

import base64
import json

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # has no types
from playwright.sync_api import ConsoleMessage, Page

from tests.browser.languages import foreign_words

STANDARD = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
AXE_OPTIONS = {
    "resultTypes": ["violations"],
    "iframes": False,  # a mail lies in a frame without scripts, where axe would wait for ever
    "runOnly": {"type": "tag", "values": list(STANDARD)},
    "rules": {"target-size": {"enabled": True}},  # WCAG 2.2, off by default
}
# Each element in the one that it stands in, in this mode and width: its name, classes and attributes, whether
# it is chosen and seen, has words and labels, and whether all is there that it refers to.
PARTS = r"""() => {
  const values = ["role", "type", "aria-current", "aria-expanded", "aria-hidden", "aria-sort"];
  const named = (element) => element.tagName + [...element.classList].sort().join(".");
  const references = ["for", "aria-labelledby", "aria-describedby", "aria-controls"];
  const leads = (element) => references.map((name) => (element.getAttribute(name) ?? "").split(/\s+/)
    .every((id) => id === "" || document.querySelectorAll("#" + CSS.escape(id)).length === 1));
  const described = (element) => named(element) + element.getAttributeNames().sort().join(" ")
    + [...values.map((name) => element.getAttribute(name)), ...leads(element), element.checked,
       element.checkVisibility(), element.labels?.length, element.textContent.trim() !== ""];
  const queries = ["prefers-color-scheme: dark", "forced-colors: active", "max-width: 40rem"];
  const mode = queries.map((query) => matchMedia(`(${query})`).matches);
  const parts = [...document.querySelectorAll("body *")].map(
    (element) => `${mode} ${named(element.parentElement)} ${described(element)}`);
  return [...new Set(parts)];
}"""
# What is wider than the box that hides the rest of it; words for screen readers alone lie in a box of 1 px.
CUT_OFF = """() => [...document.querySelectorAll("body *")]
  .filter((each) => each.clientWidth > 1 && each.scrollWidth > each.clientWidth + 1)
  .filter((each) => ["hidden", "clip"].includes(getComputedStyle(each).overflowX))
  .map((each) => each.outerHTML.slice(0, 200))"""
# The names that more than one visible part of the page has.
DOUBLED = """() => [...document.querySelectorAll("main h2")]
  .filter((each) => each.checkVisibility())
  .map((each) => each.textContent.trim().replace(/\\s+/g, " "))
  .filter((name, place, names) => names.indexOf(name) !== place)"""
# Everything that stays in a browser after a page is gone, as one text.
KEPT = """async () => JSON.stringify({
  local: {...localStorage},
  session: {...sessionStorage},
  state: history.state,
  cookies: document.cookie,
  name: window.name,
  caches: await caches.keys(),
  databases: (await indexedDB.databases()).map((each) => each.name),
})"""


class PageFaultError(AssertionError):
    """A page is not as every page has to be."""


class Inspection:
    """Watches one page from its first moment."""

    def __init__(self, page: Page, *, scripts: bool, seen: set[str] | None) -> None:
        """Axe looks where a part is new: those that it found nothing on are written down in seen.

        Without seen it looks at all.
        """
        self.page = page
        self.scripts = scripts
        self.seen = seen
        self.elsewhere: tuple[str, ...] = ()
        """Whose own files are not ours to answer for: where its addresses begin."""
        self.complaints: list[str] = []
        self.addresses: list[str] = []
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.addresses.append(request.url))

    def _console(self, message: ConsoleMessage) -> None:
        if not message.location["url"].startswith(self.elsewhere):
            self.complaints.append(f"{message.type}: {message.text} ({message.location['url']})")

    def expect_status(self, status: int) -> None:
        """The browser complains of each answer of 400 and above; this one was meant."""
        meant = [line for line in self.complaints if f"status of {status}" in line]
        if len(meant) != 1:
            raise PageFaultError(f"{self.page.url}: no answer of {status}, but: {self.complaints}")
        self.complaints.remove(meant[0])

    def look(self) -> None:
        """Everything that can be seen of the page as it stands; with axe where a part is new.

        Axe takes more than half of the time that a browser takes. Raises PageFaultError.
        """
        wide, window = self.page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
        faults = {
            "says on the console": self.complaints,
            "is too wide": f"{wide} px wide in a window of {window} px" if wide > window else "",
            "cuts off": self.page.evaluate(CUT_OFF),
            "mixes languages": foreign_words(self.page),
            "has two parts of one name": self.page.evaluate(DOUBLED),
        }
        for fault, found in faults.items():
            if found:
                raise PageFaultError(f"{self.page.url} {fault}: {found}")
        if self.scripts:  # axe is one
            self._look_with_axe()

    def _look_with_axe(self) -> None:
        parts = set(self.page.evaluate(PARTS))
        if self.seen is not None and parts <= self.seen:
            return
        found = Axe().run(self.page, options=AXE_OPTIONS)
        if found.violations_count:
            raise PageFaultError(f"{self.page.url}: {found.generate_report()}")
        if self.seen is not None:
            self.seen |= parts

    def look_for(self, secret: str) -> None:
        """The secret is in nothing that the browser keeps, and in no address that it asked for."""
        kept = {"storage": self.page.evaluate(KEPT), "addresses": json.dumps(self.addresses)}
        cookies = [(cookie["name"], cookie["value"]) for cookie in self.page.context.cookies()]
        kept["cookies"] = json.dumps(cookies)
        for place, text in kept.items():
            for form in forms_of(secret):
                if form in text:
                    raise PageFaultError(f"{self.page.url} leaves the secret in {place}")


def forms_of(secret: str) -> set[str]:
    """As it is, without hyphens, and both in base64."""
    plain = {secret, secret.replace("-", "")}
    return plain | {base64.b64encode(text.encode()).decode().rstrip("=") for text in plain}
