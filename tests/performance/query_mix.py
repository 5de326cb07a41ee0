"""What officers look for, always the same: the mix that `make bench` measures the search with.

Each line: what it stands for, and what the address asks beside kind=employee.
"""

MIX: tuple[tuple[str, dict[str, str]], ...] = (
    # beginnings of names
    ("prefix", {"q": "mül"}),
    ("prefix", {"q": "schm"}),
    ("prefix", {"q": "lindq"}),
    ("prefix", {"q": "oikono"}),
    # within words
    ("infix", {"q": "ller"}),
    ("infix", {"q": "quist"}),
    ("infix", {"q": "berg"}),
    ("infix", {"q": "mannste"}),
    # one and two letters
    ("one letter", {"q": "m"}),
    ("one letter", {"q": "ż"}),
    ("one letter", {"q": "q"}),
    ("two letters", {"q": "sc"}),
    ("two letters", {"q": "øs"}),
    ("two letters", {"q": "o'"}),
    ("two letters", {"q": "an"}),
    # two words and more
    ("two words", {"q": "anna schmidt"}),
    ("two words", {"q": "jurgen weiss"}),
    ("two words", {"q": "a m"}),
    ("two words", {"q": "zoe o'neill"}),
    ("two words", {"q": "anna example.com"}),
    ("three words", {"q": "karl heinz vogt"}),
    # hardly anybody
    ("rare", {"q": "brzęczyszczykiewicz świętosława"}),
    ("rare", {"q": "B0000077"}),
    ("rare", {"q": "anna.schmidt77@example.com"}),
    ("rare", {"q": "zubababa"}),
    ("nobody", {"q": "nosuchname"}),
    ("nobody", {"q": "müller yamada"}),
    # one typo: the page asks what was meant
    ("typo", {"q": "schmdit"}),
    ("typo", {"q": "kaisr"}),
    ("typo", {"q": "anna scmidt"}),
    # nearly everybody
    ("frequent", {"q": "example"}),
    ("frequent", {"q": "engineering"}),
    ("frequent", {"q": "müller"}),
    ("frequent", {"q": "com"}),
    ("frequent", {"q": "B00"}),
    # every script
    ("mixed scripts", {"q": "山田"}),
    ("mixed scripts", {"q": "山"}),
    ("mixed scripts", {"q": "山田 太郎"}),
    ("mixed scripts", {"q": "김"}),
    ("mixed scripts", {"q": "حداد"}),
    ("mixed scripts", {"q": "الخ"}),
    ("mixed scripts", {"q": "шевч"}),
    ("mixed scripts", {"q": "Παπαχρ"}),
    ("mixed scripts", {"q": "शर्मा"}),
    ("mixed scripts", {"q": "nguyễn"}),
    ("mixed scripts", {"q": "øst łukasz"}),
    # filters and orders
    ("filter", {"q": "schmidt", "state": "inactive"}),
    ("filter", {"q": "berg", "department": "Legal"}),
    ("filter", {"state": "inactive"}),
    ("filter", {"department": "Legal", "unit": "Nordic Sales"}),
    ("filter", {"token_type": "any"}),
    ("filter", {"token_type": "none", "q": "anna"}),
    ("filter", {"q": "schmidt", "role": "approver"}),
    ("order", {"q": "schmidt", "sort": "name"}),
    ("order", {"q": "kaiser", "sort": "-email"}),
    ("order", {"sort": "-name"}),
    ("order", {"sort": "department"}),
    # the list without words, and further on
    ("everybody", {}),
    ("page", {"page": "20"}),
    ("page", {"q": "schmidt", "page": "7"}),
)
