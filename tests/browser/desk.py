"""A person at a browser of their own, and what they do there with their eyes on the words of the screen."""

from pathlib import Path

from playwright.sync_api import BrowserContext, Locator, expect

from tests.browser.inspection import Inspection


class Desk:
    """One person's browser. Each step ends on a page that has been inspected."""

    def __init__(self, context: BrowserContext, *, scripts: bool, seen: set[str] | None) -> None:
        self.page = context.new_page()
        self.inspection = Inspection(self.page, scripts=scripts, seen=seen)

    # --- what a person does

    def open(self, address: str) -> None:
        self.page.goto(address)
        self.look()

    def press(self, name: str, *, within: Locator | None = None, status: int = 200) -> None:
        """Press the button of that name; it leads to a page that answers with that status."""
        button = (within or self.page.locator("body")).get_by_role("button", name=name, exact=True)
        with self.page.expect_navigation():
            button.click()
        if status != 200:
            self.inspection.expect_status(status)
        self.look()

    def follow(self, name: str, *, within: Locator | None = None) -> None:
        """Click the link whose words begin so."""
        links = (within or self.page.locator("body")).get_by_role("link", name=name)
        with self.page.expect_navigation():
            links.first.click()
        self.look()

    def check(self, label: str, *, checked: bool = True) -> None:
        """Click the words beside the box, or the card that they stand on; the box follows."""
        box = self.page.get_by_role("checkbox", name=label)
        self.page.locator(f"label[for={box.get_attribute('id')}]").click()
        expect(box).to_be_checked(checked=checked)

    def download(self, name: str, folder: Path) -> Path:
        """Click the link of a file; returns where it was saved, under the name that it came with."""
        with self.page.expect_download() as awaited:
            self.page.get_by_role("link", name=name).click()
        saved = folder / awaited.value.suggested_filename
        awaited.value.save_as(saved)
        return saved

    # --- what a person sees

    def look(self) -> None:
        self.inspection.look()

    def sees(self, words: str) -> None:
        expect(self.page.get_by_role("main").get_by_text(words).first).to_be_visible()

    def sees_heading(self, words: str) -> None:
        expect(self.page.get_by_role("heading", level=1)).to_contain_text(words)
