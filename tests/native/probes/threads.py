"""Many threads in one process, and what each of them meets."""

import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import _slurm


def _refusals(thread: int, count: int, members: dict[str, Any]) -> list[tuple[str, str]]:
    """The words with which a thread's requests are refused, beside those due to each."""
    met = []
    for number in range(count):
        partition = f"nowhere-{thread}-{number}"
        try:
            _slurm.submit_batch_job({**members, "partition": partition})
        except _slurm.SlurmError as error:
            met.append(
                (f"2000 invalid partition specified: {partition}", f"{error.code} {error.said}")
            )
    return met


def refused_in_parallel(threads: int, count: int, members: dict[str, Any]) -> list[tuple[str, str]]:
    """Have every thread refused that many times, each time for a reason of its own."""
    with ThreadPoolExecutor(threads) as pool:
        met = pool.map(lambda thread: _refusals(thread, count, members), range(threads))
        return [pair for pairs in met for pair in pairs]


def work_beside_a_call(seconds: float) -> None:
    """Start a call in another thread, and work beside it until it ends.

    Prints a line after that many seconds of the call. Nothing could if the call kept the
    interpreter's lock: whoever holds the call up until the line comes would wait for ever.
    """
    entered = threading.Event()

    def blocking_call() -> None:
        entered.set()
        _slurm.load_conf()

    call = ThreadPoolExecutor(1).submit(blocking_call)
    entered.wait()
    begin = time.monotonic()
    while time.monotonic() - begin < seconds:
        if call.done():
            raise RuntimeError("the call did not block")
    sys.stdout.write("\n")
    sys.stdout.flush()
    call.result()
