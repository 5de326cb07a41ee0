"""docs/usability.md as a script: its tasks, and a first-time user who follows the words of one of them."""

import re
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone
from playwright.sync_api import BrowserContext, Locator, expect

from tests.architecture.source import ROOT
from tests.browser.inspection import PageFaultError

DOCUMENT = ROOT / "docs" / "usability.md"
STEP = re.compile(
    r"(?P<tick>☐ )?\*\*(?P<press>[^*]+)\*\*|\*(?P<field>[^*]+)\* (?P<list>▾ )?“(?P<words>[^”]+)”"
)
BY_KEYBOARD = "⌨"
A_FILE = re.compile(r"the file `(?P<name>[^`]+)`")
DAYS = re.compile(r"today|in (?P<days>\d+) days")
# Pointer presses, as one click may make two click events: of a label and of its box. A list that unfolds is
# drawn by the system, where no press is seen: two are added for it.
COUNT = """
addEventListener('pointerdown', () => { localStorage.clicks = Number(localStorage.clicks || 0) + 1 }, true)
"""
CLICKS = "Number(localStorage.clicks || 0)"
PRESSES_OF_A_LIST = 2
PRESSABLE = "a, button, summary, label"
# A link or a button that another page answers, and no script of this one.
LEADS_AWAY = """element => element.matches("a[href]:not([hx-get], [data-dialog])")
  || (element.type === "submit" && element.closest("[hx-boost]") === null)"""
HAS_SETTLED = "() => document.querySelector('.htmx-request') === null"
WORDS_OF_THE_FOCUS = """() => {
  const element = document.activeElement;
  return ((element.labels && element.labels[0]) || element).innerText || "";
}"""
TAKES_TEXT = "document.activeElement.matches('input, textarea')"
MOST_TABS = 80


@dataclass(frozen=True)
class Step:
    """One thing that the user does: press words, tick the box of a row, type, or choose in a list."""

    press: str = ""
    tick: bool = False
    field: str = ""
    in_list: bool = False
    words: str = ""


@dataclass(frozen=True)
class Task:
    """A line of the document. clicks: as many as it may take."""

    goal: str
    start: str
    steps: tuple[Step, ...]
    reads: str
    clicks: int
    by_keyboard: bool


def tasks() -> dict[str, list[Task]]:
    """The tasks of each portal, in the order of the document."""
    found: dict[str, list[Task]] = {}
    for part in DOCUMENT.read_text(encoding="utf-8").split("\n## ")[1:]:
        portal, _line, content = part.partition("\n")
        found[portal] = list(_of_table(content))
    return found


def _of_table(content: str) -> Iterator[Task]:
    for line in content.splitlines():
        if not re.match(r"\| \d", line):
            continue
        number, goal, start, steps, reads, clicks = (cell.strip() for cell in line.strip("|").split(" | "))
        yield Task(goal, start, tuple(_steps(steps)), reads, int(clicks), BY_KEYBOARD in number)


def _steps(words: str) -> Iterator[Step]:
    for each in STEP.finditer(words):
        yield Step(
            press=each["press"] or "",
            tick=bool(each["tick"]),
            field=each["field"] or "",
            in_list=bool(each["list"]),
            words=_day(each["words"] or ""),
        )


def _day(words: str) -> str:
    """A day that the document names by its distance, as a field of days takes it."""
    found = DAYS.fullmatch(words)
    if found is None:
        return words
    return (timezone.localdate() + timedelta(days=int(found["days"] or 0))).isoformat()


class FirstTimeUser:
    """Knows the words of the document alone, and has a mouse."""

    def __init__(self, context: BrowserContext, task: Task) -> None:
        context.add_init_script(COUNT)
        self.page = context.new_page()
        self.task = task

    @property
    def clicks(self) -> int:
        """How often the mouse was pressed since the first page."""
        return int(self.page.evaluate(CLICKS))

    def do(self, start: str) -> int:
        """Follow each step from that address, and read what the document promises; returns the clicks."""
        self.page.goto(start)
        *steps, last = self.task.steps
        for step in steps:
            self._take(step)
        file = A_FILE.fullmatch(self.task.reads)
        if file is None:
            self._take(last)
            expect(self.page.locator("body")).to_contain_text(self.task.reads)
        else:
            with self.page.expect_download() as awaited:
                self.press(last.press, stays=True)
            assert awaited.value.suggested_filename.startswith(file["name"])
        return self.clicks

    def _take(self, step: Step) -> None:
        if step.tick:
            self.page.get_by_role("checkbox", name=step.press).click()
        elif step.press:
            self.press(step.press)
        elif step.in_list:
            self._choose(step.field, step.words)
        else:
            self.type(step.field, step.words)
        self.page.wait_for_function(HAS_SETTLED)

    def press(self, words: str, *, stays: bool = False) -> None:
        """Click what bears these words; it may lead to another page."""
        found = self._bearing(words)
        leads = not stays and found.evaluate(LEADS_AWAY)
        with self.page.expect_navigation() if leads else nullcontext():
            found.click()

    def type(self, field: str, words: str) -> None:
        self._field(field).fill(words)

    def _choose(self, field: str, words: str) -> None:
        found = self._field(field)
        for _press in range(PRESSES_OF_A_LIST):
            found.dispatch_event("pointerdown")
        found.select_option(label=words)

    def _field(self, words: str) -> Locator:
        label = self.page.locator("label").filter(has_text=_beginning(words), visible=True).first
        return self.page.locator(f"[id='{label.get_attribute('for')}']")

    def _bearing(self, words: str) -> Locator:
        """What is nearest: in an open dialog, then on the page, then in its head; these words alone first."""
        whole = re.compile(rf"^\s*{_escaped(words)}\s*$")
        everywhere = self.page.locator(PRESSABLE).filter(visible=True)
        try:
            everywhere.filter(has_text=_beginning(words)).first.wait_for()
        except TimeoutError as error:
            raise PageFaultError(f"{self.task.goal}: nothing says “{words}” on {self.page.url}") from error
        for place in ("dialog[open]", "main", "body"):
            within = self.page.locator(place).locator(PRESSABLE).filter(visible=True)
            for pattern in (whole, _beginning(words)):
                found = within.filter(has_text=pattern)
                if found.count():
                    return found.first
        raise PageFaultError(f"{self.task.goal}: “{words}” went away on {self.page.url}")


class WithoutMouse(FirstTimeUser):
    """The same words by Tab, Enter and Space."""

    def press(self, words: str, *, stays: bool = False) -> None:
        self._bearing(words)
        self._tab_to(words)
        role = self.page.evaluate("document.activeElement.type")
        leads = not stays and self.page.evaluate(f"({LEADS_AWAY})(document.activeElement)")
        key = "Space" if role in ("checkbox", "radio") else "Enter"
        with self.page.expect_navigation() if leads else nullcontext():
            self.page.keyboard.press(key)

    def type(self, field: str, words: str) -> None:
        self._tab_to(field, wanted=TAKES_TEXT)
        self.page.keyboard.type(words)

    def _tab_to(self, words: str, *, wanted: str = "true") -> None:
        for _count in range(MOST_TABS):
            self.page.keyboard.press("Tab")
            bears = _beginning(words).match(self.page.evaluate(WORDS_OF_THE_FOCUS))
            if bears and self.page.evaluate(wanted):
                return
        raise PageFaultError(f"{self.task.goal}: “{words}” is not reached with Tab on {self.page.url}")


def _beginning(words: str) -> re.Pattern[str]:
    return re.compile(rf"^\s*{_escaped(words)}(?!\w)")


def _escaped(words: str) -> str:
    return r"\s+".join(re.escape(word) for word in words.split())
