"""Terminal dialog for the first officers, role by role, with immediate validation."""

from collections.abc import Callable
from dataclasses import dataclass, field

from identity_manager.models import Role
from identity_manager.workflow.people import first_officers
from identity_manager.workflow.people.first_officers import NEEDED, Officer

FIELDS = (
    ("given_name", "Given name"),
    ("surname", "Surname"),
    ("email", "E-mail address"),
)


@dataclass
class Dialog:
    """ask: prompts and returns the input, may raise EOFError. say: prints a line."""

    ask: Callable[[str], str]
    say: Callable[[str], None]
    persons: dict[str, dict[str, str]] = field(default_factory=dict)
    roles: dict[str, list[Role]] = field(default_factory=dict)

    def officers(self) -> list[Officer]:
        """Ask for as many persons as each role needs."""
        for role, needed in NEEDED.items():
            for number in range(1, needed + 1):
                of_all = f" {number} of {needed}" if needed > 1 else ""
                self.say(f"\n{role.label}{of_all}")
                self._give(role)
        return [Officer(values, tuple(self.roles[number])) for number, values in self.persons.items()]

    def _give(self, role: Role) -> None:
        while True:
            number = self._field({}, "personnel_number", "Personnel number")
            if number not in self.persons:
                self._enter(number)
            elif sentence := first_officers.role_fault(role, self.roles[number]):
                self.say(f"  {sentence}")
                continue
            else:
                self.say(f"  {_name(self.persons[number])} gets this role, too.")
            self.roles.setdefault(number, []).append(role)
            return

    def _enter(self, number: str) -> None:
        values = {"personnel_number": number}
        for name, label in FIELDS:
            values[name] = self._field(values, name, label)
        self.persons[number] = values

    def _field(self, values: dict[str, str], name: str, label: str) -> str:
        """Ask until the value is valid. The number of an officer entered before is valid too."""
        while True:
            typed = self.ask(f"  {label}: ").strip()
            if name == "personnel_number" and typed in self.persons:
                return typed
            found = first_officers.person_faults({**values, name: typed}, list(self.persons.values()))
            sentence = next((fault.sentence for fault in found if fault.field == name), "")
            if not sentence:
                return typed
            self.say(f"  {sentence}")


def _name(values: dict[str, str]) -> str:
    return f"{values['given_name']} {values['surname']}"
