"""Garbage collector settings: gc.freeze() for loaded modules, and a higher threshold."""

import gc

LOOKED_FOR_AFTER = 10_000  # gc threshold in allocations; our code makes few reference cycles


def freeze_loaded_objects() -> None:
    """Exclude all present objects from garbage collection; call it when all is loaded, before fork.

    A full collection took 70 to 200 ms, in the middle of a page or of a transaction that holds locks, and
    wrote to the memory that forked processes share (copy-on-write).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(LOOKED_FOR_AFTER)
