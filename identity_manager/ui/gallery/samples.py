"""Sample data of the gallery."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from identity_manager.models import Certificate, CertificateState, SoftwareToken
from identity_manager.ui import states
from identity_manager.ui.charts import Segment, colour, stacked
from identity_manager.ui.frame_addresses import frame_addresses
from identity_manager.ui.parts import Device, Pair, StepperStep, Tab, TimelineEvent

SPRITE = Path(__file__).parents[1] / "static" / "ui" / "icons.svg"
ICONS = [symbol.attrib["id"] for symbol in ET.parse(SPRITE).getroot()]  # noqa: S314  our own file
DISTANCES = (-1, -40, -300, -1500, -9000, -90000, 5, 300, 1500, 9000, 90000)
PASSPHRASE = "K7MQX-2PFRD-9WHTN-4VJCB-6GYZA"  # noqa: S105  a sample for the eye; it opens nothing
FINGERPRINT = (
    "3F:A2:9C:41:7E:D0:5B:88:16:F3:6A:CE:92:07:B4:DD:58:E1:23:7F:0C:94:AB:61:D8:35:EE:70:49:BA:1C:82"
)
CHANGES = [
    {"label": "department", "asked_for": "Research", "now": "Sales"},
    {"label": "security identifier", "asked_for": "", "now": "S-1-5-21-1-2-3-1104"},
]
CHART = [("Done", 41), ("Waits for acceptance", 12), ("Rejected", 3), ("Lapsed", 1)]
BADGES = [
    ("done", "Active"),
    ("waiting", "Waits for approval"),
    ("stopped", "Revoked"),
    ("information", "Being issued"),
    ("quiet", "Expired"),
]
PERSONS = [
    {
        "name": "Uma Lindqvist",
        "number": "100042",
        "cells": [("Department", "", "Research")],
        "word": "Active",
        "meaning": "done",
    },
    {
        "name": "山田 太郎",
        "number": "100043",
        "cells": [("Department", "", "Sales")],
        "word": "Registered",
        "meaning": "information",
    },
    {
        "name": "Łukasz Żółć",
        "number": "100044",
        "cells": [("Department", "", "Logistics")],
        "word": "Inactive",
        "meaning": "quiet",
    },
    {
        "name": "ليلى حداد",
        "number": "100045",
        "cells": [("Department", "", "Legal")],
        "word": "Locked",
        "meaning": "stopped",
    },
]
PAIRS = [
    Pair("Personnel number", "100042"),
    Pair("E-mail", "uma.lindqvist@example.com", note="belongs to the directory"),
    ("Department", "Research"),
    Pair("Serial", "5E:0B:77:93:1C", mono=True),
    ("Manager", ""),
]
TABS = [Tab("Tokens", "#", current=True, count=2), Tab("Requests", "#", count=14), Tab("History", "#")]
DEVICES = [
    Device("Windows", "desktop", "#", current=True),
    Device("macOS", "laptop", "#"),
    Device("iPhone, iPad", "phone", "#"),
    Device("Android", "tablet", "#"),
    Device("Firefox, Thunderbird", "browser", "#"),
    Device("Linux", "terminal", "#"),
]
NAMES = ("Enable", "Approve", "Invite", "Accept terms", "Issue", "Show passphrase", "Deliver")
LOSSES = (
    "Signature and encryption: a copy of its key is archived. You can recover it yourself.",
    "Encryption 2024: no copy of its key is archived. Without your file and its passphrase nobody can read"
    " what was encrypted for you.",
)
ROADS = {
    "Under way": ("done", "done", "done", "now", "next", "next", "next"),
    "Without approval; the CA is silent": ("done", "skipped", "done", "done", "waits", "next", "next"),
    "Refused": ("done", "stopped", "next", "next", "next", "next", "next"),
    "Finished": ("done", "done", "done", "done", "done", "done", "done"),
}
ACTORS = ("Ada Novák", "Paul Weber", "", "Uma Lindqvist", "Corporate CA", "Uma Lindqvist", "")

PORTAL_TABS = [("start", "START", 0), ("search", "SEARCH", 0), ("open_tasks", "OPEN TASKS", 14)]
TERMS = """# What you receive

A software token: certificates, each with its private key, in a file that is protected by a passphrase.

# What it is for

Use it for your work, and for nothing else."""
# By the last path segment: template, context, and whether somebody is signed in.
ERRORS: dict[str, tuple[str, dict[str, Any], bool]] = {
    "400": ("400.html", {}, True),
    "403": ("403.html", {}, True),
    "403-reason": ("403.html", {"reason": "Who has asked may not approve."}, True),
    "403-form": ("403_csrf.html", {}, True),
    "404": ("404.html", {}, True),
    "405": ("405.html", {}, True),
    "410": ("410.html", {}, True),
    "410-reason": ("410.html", {"reason": "You have noted this passphrase, so it was destroyed."}, True),
    "429": ("429.html", {"wait_seconds": 300}, True),
    "500": ("500.html", {}, False),
    "503": ("503.html", {"again": "."}, False),
}


def of_the_frame(now: datetime) -> dict[str, Any]:
    """Samples of the portal frame, states and error pages."""
    nouns = [
        (model._meta.verbose_name, [model(state=state) for state in meanings])
        for model, meanings in states.STATES.items()
    ]
    return {
        "portal": {"name": "Uma Lindqvist", "addresses": frame_addresses()},
        "portal_tabs": PORTAL_TABS,
        "states": nouns,
        "deliveries": [SoftwareToken(delivery=each) for each in states.DELIVERY],
        "terms": TERMS,
        "losses": LOSSES,
        "chart": stacked(
            [Segment(words, number, "", colour(at)) for at, (words, number) in enumerate(CHART)]
        ),
        "installed": SoftwareToken(installed_at=now),
        "revoked": Certificate(
            state=CertificateState.REVOKED,
            revocation_decided_at=now,
            revoked_at=now,
            on_crl_at=now,
            not_after=now + timedelta(days=300),
        ),
        "purpose": "Signing the letters to suppliers, and reading their encrypted answers.",
        "errors": list(ERRORS),
    }


def roads(now: datetime) -> list[tuple[str, list[StepperStep]]]:
    """Four requests, each with its seven steps."""
    return [(title, _steps(states, now)) for title, states in ROADS.items()]


def _steps(states: tuple[str, ...], now: datetime) -> list[StepperStep]:
    return [
        StepperStep(
            number,
            name,
            state,
            who if state not in ("next", "skipped") else "",
            now - timedelta(days=3 - number / 3) if state == "done" else None,
        )
        for number, (name, state, who) in enumerate(zip(NAMES, states, ACTORS, strict=True), start=1)
    ]


def events(now: datetime) -> list[TimelineEvent]:
    """A history with one event of each meaning."""
    return [
        TimelineEvent(
            now - timedelta(minutes=4), "Terms accepted", "Uma Lindqvist", "Version 3, German", "done"
        ),
        TimelineEvent(
            now - timedelta(hours=20), "Information mail sent", "", "uma.lindqvist@example.com", icon="mail"
        ),
        TimelineEvent(
            now - timedelta(hours=26),
            "The mail server did not answer",
            "",
            "Next try in 5 minutes",
            "waiting",
        ),
        TimelineEvent(now - timedelta(days=2), "Approved", "Paul Weber", "", "information", "user-done"),
        TimelineEvent(
            now - timedelta(days=3), "Requested", "Ada Novák", "VPN, S/MIME combined", "quiet", "plus"
        ),
        TimelineEvent(
            now - timedelta(days=30), "An earlier request was rejected", "Paul Weber", "Wrong unit", "stopped"
        ),
    ]
