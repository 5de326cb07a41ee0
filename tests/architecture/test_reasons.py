"""Why something is not possible stands in one place, at its verb: a code, a sentence in both languages.

A portal, a program and a test that ask for the reason get the same one; no page words a refusal of its own.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from importlib import import_module

import pytest
from django.utils.translation import override

from identity_manager.transactions.refusals import Reason, Refused, refuse
from tests.architecture.source import ROOT, Module, modules

# Where verbs live; and the few modules beside them that refuse something which is no verb's business.
VERBS = (
    "identity_manager.workflow.",
    "identity_manager.people.",
    "identity_manager.catalogue.",
    "identity_manager.configuration.",
    "identity_manager.events.",
    "identity_manager.jobs.runner",
    "identity_manager.transactions.refusals",
    "identity_manager.audit.evidence",
)
OWN_BUSINESS = {
    "identity_manager.account.arrival": "what an identity provider answered",
    "identity_manager.account.client_certificates.client_certificate": "what a proxy passes on",
    "identity_manager.account.single_sign_on.saml": "what an identity provider answered",
    "identity_manager.console.search.selection": "rows that were chosen on a list",
    "identity_manager.console.certificates.export_page": "certificates that a file cannot hold",
    "identity_manager.console.people.sign_in.sign_in_letters": "letters that a font cannot write",
    "selfservice.access": "an account without a person",
}
PORTALS = ("identity_manager/console", "identity_manager/account", "identity_manager/ui", "selfservice")
TRANSLATED = re.compile(r"""\{%\s*translate\s+"([^"]+)"|blocktranslate[^%]*%\}(.*?)\{%""", re.DOTALL)


def named() -> dict[str, Reason]:
    """Every reason with a name, by that name: what modules hold at their top, alone or in a table."""
    found = {}
    for module in modules():
        if "Reason(" in module.text:
            for name, value in vars(import_module(module.name.removesuffix(".__init__"))).items():
                reasons = list(value.values()) if isinstance(value, dict) else [value]
                found |= {
                    f"{module.name}.{name}.{reason.code}": reason
                    for reason in reasons
                    if isinstance(reason, Reason)
                }
    return found


REASONS = named()
SENTENCES = {text for reason in REASONS.values() for text in (str(reason.sentence), str(reason.own)) if text}


def built(module: Module) -> Iterator[ast.Call]:
    for node in module.nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Reason":
            yield node


def codes(*, fixed: bool) -> list[tuple[str, str]]:
    """Code and module of each reason in the source; fixed: whether its sentence stands there too."""
    return [
        (call.args[0].value, module.name)
        for module in modules()
        for call in built(module)
        if isinstance(call.args[0], ast.Constant) and is_fixed(call.args[1]) == fixed
    ]


def is_fixed(sentence: ast.expr) -> bool:
    """Marked for translation as it is, or with numbers that never change filled in."""
    return isinstance(sentence, ast.Call) and ast.unparse(sentence.func) in ("_", "format_lazy")


def words_of_templates() -> Iterator[tuple[str, str]]:
    for path in sorted((ROOT / "templates").rglob("*")):
        if path.suffix in (".html", ".txt"):
            for found in TRANSLATED.findall(path.read_text(encoding="utf-8")):
                yield str(path.relative_to(ROOT)), " ".join("".join(found).split())


def words_of_portals() -> Iterator[tuple[str, str]]:
    for module in modules(*PORTALS):
        if module.name not in OWN_BUSINESS:
            for node in module.nodes:
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield module.name, node.value


def test_there_are_many() -> None:
    assert len(REASONS) > 120
    assert sum(1 for _words in words_of_templates()) > 500


def test_each_code_stands_in_one_place() -> None:
    fixed = Counter(code for code, _module in codes(fixed=True))
    assert {code: number for code, number in fixed.items() if number > 1} == {}
    assert fixed.keys() & {code for code, _module in codes(fixed=False)} == set()


def test_each_code_is_a_word_for_programs() -> None:
    names = {code for fixed in (True, False) for code, _module in codes(fixed=fixed)}
    assert {name for name in names if not re.fullmatch(r"[a-z]+(-[a-z]+)*", name)} == set()


def test_each_has_a_sentence_in_both_languages() -> None:
    without = set()
    for name, reason in REASONS.items():
        for words in filter(None, (reason.sentence, reason.own)):
            with override("en"):
                english = str(words)
            with override("de"):
                german = str(words)
            if not english.endswith(".") or not german.endswith(".") or english == german:
                without.add(name)
    assert without == set()


def test_each_is_used() -> None:
    loaded = {
        node.id if isinstance(node, ast.Name) else node.attr
        for module in modules()
        for node in module.nodes
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load)
    }
    assert {name for name in REASONS if name.split(".")[-2] not in loaded} == set()


def test_they_live_with_the_verbs() -> None:
    homes = {module.name for module in modules() if any(built(module))}
    elsewhere = {home for home in homes if not home.startswith(VERBS)}
    assert elsewhere == set(OWN_BUSINESS)


def test_no_template_words_a_refusal_of_its_own() -> None:
    assert repeated(words_of_templates()) == []


def test_no_portal_repeats_a_sentence_of_a_verb() -> None:
    assert repeated(words_of_portals()) == []


def repeated(words: Iterator[tuple[str, str]]) -> list[tuple[str, str]]:
    """Where a whole sentence of a reason stands, alone or among others."""
    return [(where, said) for where, said in words if any(sentence in said for sentence in SENTENCES)]


def test_the_search_finds_a_sentence_that_is_repeated() -> None:
    (sentence, *_others) = SENTENCES
    assert repeated(iter([("page.html", f"Sorry: {sentence} Come again.")])) != []
    assert repeated(iter([("page.html", "Something else.")])) == []


def test_a_refusal_gives_code_and_sentence() -> None:
    reason = Reason("no-luck", "No luck today.", "You have no luck today.")

    with pytest.raises(Refused) as refusal:
        refuse(reason, field="name")

    assert (refusal.value.reason.code, str(refusal.value)) == ("no-luck", "No luck today.")
    assert reason.to_its_person == "You have no luck today."
    assert refusal.value.field == "name"
