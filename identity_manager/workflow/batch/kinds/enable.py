"""Enable: requests for chosen token types, written for a chunk of persons in few statements (bulk_enable)."""

from collections.abc import Sequence

from django.utils.translation import gettext_lazy as _

from identity_manager.models import BatchKind, BatchLine, BatchOrder, Person
from identity_manager.workflow.batch import bulk_enable
from identity_manager.workflow.batch.kinds.kind import DryRunResult, GivenOrder, KindWords, OrderKind, Subject


class _BulkEnable:
    """Enables chunks; the snapshot of the catalogue is reused between them."""

    def __init__(self, order: BatchOrder) -> None:
        self._order = order
        self._offer: bulk_enable.CatalogueSnapshot | None = None

    def begin_chunk(self) -> None:
        self._offer = bulk_enable.catalogue_snapshot(self._offer)

    def plan_chunk(self, lines: Sequence[BatchLine], *, asker: Person) -> bulk_enable.ChunkPlan:
        offer = self._offer or bulk_enable.catalogue_snapshot(None)
        return bulk_enable.prepare_chunk(self._order, lines, asker=asker, offer=offer)

    def write(self, prepared: bulk_enable.ChunkPlan) -> None:
        bulk_enable.write_chunk(self._order, prepared)


class _InBulk:
    """Persons are checked and enabled in bulk, for at most the types that the dry run promised."""

    def examine(self, given: GivenOrder, rows: Sequence[Person]) -> list[DryRunResult]:
        checked = bulk_enable.check_lines(given.order, rows)
        return [
            DryRunResult(bool(verdict.types), reasons, [each.code for each in verdict.types])
            for verdict, reasons in checked
        ]

    def acts(self, order: BatchOrder, _subject: Subject) -> _BulkEnable:
        return _BulkEnable(order)

    def seen(self, _row: Person) -> str:
        return ""  # decided on anew, and who was promised less gets less


ENABLE = OrderKind(
    BatchKind.ENABLE,
    Subject.PERSON,
    KindWords(
        title=_("Enable"),
        lead=_("Requests software tokens of the types that you choose."),
        done=_("Enabled"),
    ),
    way=_InBulk(),
    wants_note=False,
)
