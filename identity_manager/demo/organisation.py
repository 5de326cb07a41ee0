"""The 2,000 persons of the demo organisation, as a CSV file of a directory, generated from a fixed seed."""

import csv
import io
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from identity_manager.demo.cast import CAST, Member
from identity_manager.demo.names import CULTURES, Culture, Name
from identity_manager.person_fields import DIRECTORY_FIELDS

SIZE = 2_000
SEED = 20_260_101
DOMAIN = "example.com"
UPN_SUFFIX = "corp.example.com"
PARTNER_DOMAINS = ("example.org", "example.net")
SID_PREFIX = "S-1-5-21-1004336348-1177238915-682003330"
FIRST_RID = 1101
UNITS = {
    "Head Office": "Europe/Berlin",
    "Plant North": "Europe/Berlin",
    "Plant South": "Europe/Berlin",
    "Nordic Sales": "Europe/Stockholm",
    "Mediterranean Sales": "Europe/Athens",
    "Asia Pacific": "Asia/Tokyo",
}
DEPARTMENTS = (
    "Engineering", "Research", "Production", "Quality", "Logistics", "Purchasing", "Sales", "Marketing",
    "Human Resources", "Finance", "Legal", "IT Operations", "Information Security", "Internal Audit",
    "Customer Service", "Kundendienst für Süd- und Westeuropa",
)  # fmt: skip
PARTNERS = ("Northwind Consulting", "Contoso Maintenance", "Fabrikam Logistics")
# Percentages of persons.
EXTERNAL, REGISTERED, INACTIVE, WITHOUT_EMAIL = 8, 3, 4, 2
# Extreme names that people look for on a tour of the product: a very long one, and one of two characters.
LONG = (
    Name("Maximiliane Friederike Wilhelmine Charlotte Auguste", "maximiliane"),
    Name("von Württemberg-Hohenlohe-Langenburg zu Schillingsfürst-Waldenburg", "wuerttemberg"),
)
YAMADA = (Name("太郎", "taro"), Name("山田", "yamada"))
FEATURED = {len(CAST) + 1: YAMADA, len(CAST) + 2: LONG}


@dataclass
class _Register:
    """State of the generator: used local parts of addresses, and the head of each department."""

    chance: random.Random
    addresses: set[str] = field(default_factory=set)
    heads: dict[tuple[str, str], str] = field(default_factory=dict)

    def percent(self, share: int) -> bool:
        return self.chance.randrange(100) < share

    def address(self, wanted: str) -> str:
        """Reserve a unique local part; append a number if it is taken."""
        number = 1
        local_part = wanted
        while local_part in self.addresses:
            number += 1
            local_part = f"{wanted}{number}"
        self.addresses.add(local_part)
        return local_part

    def head_of(self, row: dict[str, str]) -> str:
        """Personnel number of the head of the person's department; empty for the head. Updates `heads`.

        The head is the first Active employee of the department within the organisational unit.
        """
        place = (row["organisational_unit"], row["department"])
        if row["state"] == "active" and row["kind"] == "employee":
            self.heads.setdefault(place, row["personnel_number"])
        head = self.heads.get(place, "")
        return "" if head == row["personnel_number"] else head


def as_csv() -> bytes:
    """Return the whole organisation as a CSV file (UTF-8, commas)."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, DIRECTORY_FIELDS)
    writer.writeheader()
    writer.writerows(persons())
    return stream.getvalue().encode()


def persons() -> Iterator[dict[str, str]]:
    """Yield the persons as rows of the CSV file (value by column), the cast first."""
    register = _Register(random.Random(SEED))  # noqa: S311 names of a demo, no secrets
    for member in CAST:
        yield _cast_member(member, register)
    for number in range(len(CAST) + 1, SIZE + 1):
        yield _person(number, register)


def _cast_member(member: Member, register: _Register) -> dict[str, str]:
    address = register.address(member.username)
    row = _row(CAST.index(member) + 1, Name(member.given_name, ""), Name(member.surname, ""))
    row |= {
        "language": member.language,
        "department": member.department,
        "organisational_unit": member.organisational_unit,
        "time_zone": UNITS[member.organisational_unit],
        "email": f"{address}@{DOMAIN}",
        "upn": f"{address}@{UPN_SUFFIX}",
    }
    return row | {"manager": register.head_of(row)}


def _person(number: int, register: _Register) -> dict[str, str]:
    chance = register.chance
    culture = chance.choices(CULTURES, [each.weight for each in CULTURES])[0]
    given_name, surname = _name(number, culture, chance)
    row = _row(number, given_name, surname)
    row["display_name"] = _display_name(given_name, surname, culture)
    row["language"] = culture.language
    row["organisational_unit"] = chance.choice(tuple(UNITS))
    row["time_zone"] = UNITS[row["organisational_unit"]]
    row["department"] = chance.choice(DEPARTMENTS)
    address = register.address(f"{given_name.ascii}.{surname.ascii}")
    row |= {"email": f"{address}@{DOMAIN}", "upn": f"{address}@{UPN_SUFFIX}"}
    if number not in FEATURED:
        _vary(row, address, register)
    return row | {"manager": register.head_of(row)}


def _vary(row: dict[str, str], address: str, register: _Register) -> None:
    """Make some persons external, Registered or Inactive, or remove their e-mail address."""
    if register.percent(EXTERNAL):
        _make_external(row, address, register.chance)
    if register.percent(WITHOUT_EMAIL):
        row["email"] = ""
    if register.percent(REGISTERED):
        row["state"] = "registered"
    elif register.percent(INACTIVE):
        row["state"] = "inactive"


def _name(number: int, culture: Culture, chance: random.Random) -> tuple[Name, Name]:
    names = chance.choice(culture.given), chance.choice(culture.surnames)
    return FEATURED.get(number, names)


def _display_name(given_name: Name, surname: Name, culture: Culture) -> str:
    if (given_name, surname) == YAMADA:
        return "山田太郎"
    if (given_name, surname) == LONG or not culture.surname_first:
        return f"{given_name.native} {surname.native}"
    return f"{surname.native}{culture.joint}{given_name.native}"


def _row(number: int, given_name: Name, surname: Name) -> dict[str, str]:
    """Columns of an Active employee with an account in the Windows domain, the default for everybody."""
    return {
        "personnel_number": f"E-{number:05}",
        "given_name": given_name.native,
        "surname": surname.native,
        "display_name": "",
        "kind": "employee",
        "state": "active",
        "sid": f"{SID_PREFIX}-{FIRST_RID + number}",
        "external_id": f"directory-{number:05}",
    }


def _make_external(row: dict[str, str], address: str, chance: random.Random) -> None:
    """Turn the row into an external person: e-mail domain of a partner, no UPN and no SID."""
    row |= {
        "personnel_number": row["personnel_number"].replace("E-", "X-"),
        "kind": "external",
        "department": chance.choice(PARTNERS),
        "email": f"{address}@{chance.choice(PARTNER_DOMAINS)}",
        "upn": "",
        "sid": "",
    }
