"""Sample person for previews of the catalogue: nobody's data are shown to who edits it."""

from django.conf import settings

from identity_manager.models import Person, PersonKind
from identity_manager.models.people.person import MATERIAL_FIELDS


def person(*, language: str = settings.LANGUAGE_CODE) -> Person:
    """A sample person, not saved, with every field that a template may use."""
    return Person(
        personnel_number="10042",
        given_name="Zoë",
        surname="Brandstætter-Óskarsdóttir",
        display_name="Zoë Brandstætter-Óskarsdóttir",
        email="zoe.brandstaetter@example.com",
        upn="zoe.brandstaetter@corp.example.com",
        sid="S-1-5-21-1004336348-1177238915-682003330-1042",
        department="Research",
        organisational_unit="North",
        kind=PersonKind.EMPLOYEE,
        language=language,
    )


def fields_of(found: Person) -> dict[str, str]:
    """Fields of the person that certificate templates may take, by name."""
    return {name: getattr(found, name) for name in MATERIAL_FIELDS}
