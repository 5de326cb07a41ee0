"""What people and things are called on the stages of stages.py."""

import unicodedata
from typing import Any

from identity_manager.models import ApprovalPolicy


def _named(
    given_name: str, surname: str, number: str, *, department: str = "IT Operations", display: str = ""
) -> dict[str, Any]:
    plain = f"{_plain(given_name)}.{_plain(surname)}".lower()
    has_address = _plain(surname).isalpha() and number
    mail = {"email": f"{plain}@example.com", "upn": f"{plain}@corp.example.com"} if has_address else {}
    return mail | {
        "given_name": given_name,
        "surname": surname,
        "display_name": display or f"{given_name} {surname}",
        "personnel_number": number,
        "department": department,
    }


def _plain(name: str) -> str:
    """Without accents: what an address is made of."""
    return "".join(each for each in unicodedata.normalize("NFKD", name) if each.isascii())


REALISTIC: dict[str, dict[str, Any]] = {
    "uma": _named("Uma", "Lindqvist", "E-41042", department="Engineering"),
    "sam": _named("Samuel", "Stone", "E-41043", department="Purchasing"),
    "rita": _named("Rita", "Olsen", "E-41044", department="Human Resources"),
    "nina": _named("Nina", "Petrov", "E-41045", department="Marketing"),
    "norm": _named("Norman", "Hale", "E-41046", department="Logistics"),
    "leo": _named("Leo", "Maas", "E-41047"),
    "administrator": _named("Ada", "Novák", "E-41001"),
    "approver": _named("Paul", "Weber", "E-41002", department="Information Security"),
    "registration": _named("Rolf", "Fischer", "E-41003", department="Human Resources"),
    "users": _named("Ulf", "Håkansson", "E-41004", department="Information Security"),
    "recovery": _named("Rosa", "Martínez", "E-41005", department="Information Security"),
    "auditor": _named("Otto", "Kühn", "E-41006", department="Internal Audit"),
    "system": _named("Sven", "Åkesson", "E-41007"),
}
_LONG_DEPARTMENT = "Kundendienst, Ersatzteilwesen und Rückläuferbearbeitung für Süd- und Westeuropa"
_LONG_SURNAME = "Wolfeschlegelsteinhausenbergerdorffvoralternwarengewissenhaftscha"[:64]
# Latin without an end, Arabic, Hebrew, Han with kana, Hangul, Cyrillic, Greek, Devanagari, Thai.
SCRIPTS: tuple[dict[str, Any], ...] = (
    _named("Hubert", _LONG_SURNAME, "", department=_LONG_DEPARTMENT),
    _named("فاطمة الزهراء", "عبد الرحمن بن خالد الحسيني", "", department="قسم المشتريات"),
    _named("שירה־רבקה", "בן־דוד הלוי", "", department="משאבי אנוש"),
    _named("健一", "小笠原", "", display="小笠原健一", department="営業部"),
    _named("민준", "남궁", "", display="남궁민준", department="영업부"),
    _named("Олександра-Володимирівна", "Нечуй-Левицька", "", department="Відділ закупівель"),
    _named("Αικατερίνη", "Παπαχριστοδουλοπούλου", "", department="Τμήμα Προμηθειών"),
    _named("प्रियदर्शिनी", "चट्टोपाध्याय", "", department="विक्रय विभाग"),
    _named("กนกวรรณ", "ศรีสุวรรณภูมิพิทักษ์", "", department="ฝ่ายขาย"),
)
_OFFICERS = ("administrator", "approver", "registration", "users", "recovery", "auditor", "system", "sam")
EXTREME: dict[str, dict[str, Any]] = {
    name: clothes | {"personnel_number": f"EXT-2026-{name.upper()}-0000000042"}
    for name, clothes in zip(_OFFICERS, SCRIPTS[1:], strict=True)
} | {
    "uma": _named("Maximiliane-Friederike", _LONG_SURNAME, "EXT-2026-0000000000000000000000042")
    | {
        "department": _LONG_DEPARTMENT,
        "email": "maximiliane-friederike.wolfeschlegelsteinhausenbergerdorff@sub.domain.of.example.com",
        "upn": "maximiliane-friederike.wolfeschlegelsteinhausenbergerdorff@corp.of.example.com",
    },
    "rita": SCRIPTS[1] | {"personnel_number": "E-41044"},
    "nina": SCRIPTS[3] | {"personnel_number": "E-41045"},
}
_LONG_NAME = (
    "Authentifizierungszertifikat für Fernwartungsarbeitsplätze und Dienstleisterzugänge (Übergangszeit)"
)
_LONG_LINE = (
    "Connects the computers of the outside maintenance teams to the control network of the plants, "
    "from anywhere and at any time of the day, signs what they report, and encrypts what they send; "
    "needed by whoever answers for a machine. Donaudampfschifffahrtselektrizitätenhauptbetriebswerk."
)
LONG_WORD = "Fernwartungszugangsberechtigungsverwaltungsdienstleisterabrechnungsstelle"
_LONG = {"name": _LONG_NAME[:100], "description": _LONG_LINE[:300]}
LONG_TYPES: dict[str, dict[str, Any]] = {
    "waiting": _LONG,
    "approval": _LONG
    | {"approval": ApprovalPolicy.ALWAYS, "profiles": ("client", "signature", "encryption")},
    "sealed": _LONG | {"approval": ApprovalPolicy.ALWAYS},
}
