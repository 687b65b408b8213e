"""A headless browser, and Airflow's form of a connection as a user operates it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from tests.system.processes import MARK, RUN
from tools.get_chromium import find_chromium

WAIT_MILLISECONDS = 120_000


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the machine's Chromium, else Playwright's."""
    expect.set_options(timeout=WAIT_MILLISECONDS)
    with sync_playwright() as playwright:
        environment = {**os.environ, MARK: RUN}
        with playwright.chromium.launch(executable_path=find_chromium(), env=environment) as browser:
            yield browser


@contextmanager
def window(browser: Browser, url: str, traffic: Path, **options: Any) -> Iterator[Page]:
    """Open a page without cookies and storage.

    :param url: prefix of the addresses of pages.
    :param traffic: file that contains all requests and responses after the page is closed.
    :param options: further options of Playwright for a context.
    """
    context = browser.new_context(base_url=url, record_har_path=traffic, record_har_content="embed", **options)
    context.set_default_timeout(WAIT_MILLISECONDS)
    try:
        yield context.new_page()
    finally:
        context.close()


def received_texts(traffic: Path) -> list[str]:
    """Return the texts that the browser received, from the traffic file of a closed page."""
    entries = json.loads(traffic.read_text("utf-8"))["log"]["entries"]
    return [entry["response"]["content"].get("text", "") for entry in entries]


def take_picture(shown: Page | Locator, path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    shown.screenshot(path=path, animations="disabled", caret="hide")


def row_of(page: Page, conn_id: str) -> Locator:
    """Return a connection's row in the list."""
    return page.get_by_role("row").filter(has=page.get_by_role("cell", name=conn_id, exact=True))


class ConnectionForm:
    """The form to add or to edit a connection."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self.dialog = page.get_by_role("dialog")

    def add(self, conn_id: str, conn_type: str) -> None:
        """Open the form to add a connection, and choose the type."""
        self._page.goto("/connections")
        self._page.get_by_role("button", name="Add Connection").click()
        self.dialog.get_by_role("textbox", name="Connection ID").fill(conn_id)
        self.dialog.get_by_role("combobox", name="Connection Type").fill(conn_type)
        self._page.get_by_role("option", name=conn_type, exact=True).click()
        expect(self.section("Standard Fields")).to_have_attribute("aria-expanded", "true")

    def edit(self, conn_id: str) -> None:
        """Open the form with an existing connection."""
        self._page.goto("/connections")
        row_of(self._page, conn_id).get_by_role("button", name="Edit Connection").click()
        expect(self.section("Standard Fields")).to_have_attribute("aria-expanded", "true")

    def section(self, title: str) -> Locator:
        """Return the head of a section of the form. One section is open at a time."""
        return self.dialog.get_by_role("button", name=title, exact=True)

    def unfold(self, title: str) -> None:
        self.section(title).click()
        expect(self.section(title)).to_have_attribute("aria-expanded", "true")
        # Until the section that was open has folded.
        expect(self.dialog.get_by_role("region")).to_have_count(1)

    def labels(self) -> list[str]:
        """Return the labels of the visible fields."""
        return [text.rstrip("* \n") for text in self.dialog.locator("label").filter(visible=True).all_inner_texts()]

    def field(self, label: str) -> Locator:
        """Return a field with its label and help."""
        return self.dialog.get_by_role("group").filter(has=self._page.get_by_text(label, exact=True))

    def input(self, label: str) -> Locator:
        # Airflow ties labels to its inputs for some kinds of fields only.
        return self.field(label).locator("input, textarea")

    def save(self) -> None:
        self.dialog.get_by_role("button", name="Save").click()
        expect(self.dialog).to_be_hidden()
