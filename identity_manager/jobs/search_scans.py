"""Jobs on search texts and words of names, each a resumable scan."""

from functools import partial

from identity_manager.jobs import resumable_scan
from identity_manager.models import NameWord, Person
from identity_manager.models.person_search import refresh, suggestions

LEARN_NAMES = "search.learn_names"


def refresh_texts() -> int:
    persons = Person.objects.all()
    return resumable_scan.of_portions("search.refresh", persons, partial(refresh.refresh, persons))


def learn_names() -> int:
    persons = Person.objects.all()
    learn = partial(suggestions.learn, persons)
    return resumable_scan.of_written(LEARN_NAMES, persons, learn, reads_rows_alone=True)


def forget_names() -> int:
    forget = partial(suggestions.forget_unused, Person.objects.all())
    try:
        return resumable_scan.of_portions("search.forget_names", NameWord.objects.all(), forget)
    finally:  # a person may have got a forgotten name meanwhile
        resumable_scan.restart_scan(LEARN_NAMES)
