"""A worker runs for months: what a call takes, it gives back."""

from native.child import Child
from native.jobs import held

PROBES = "native.probes.leaks"
MEBIBYTE = 1 << 20


def everything(child: Child) -> dict[str, object]:
    """A value for every member that can be set, strings and vectors longer than any pool's."""
    values = {"string": "x" * 100, "strings": ["NAME=" + "v" * 100] * 10}
    kinds = child.call("native.probes.members:kinds", "JOB_DESC")
    return {name: values.get(kind, 7) for name, kind in kinds.items()}


def test_nothing_is_kept_of_100_000_conversions(offline: Child) -> None:
    # One kept string of each would be 10 MB.
    grown = offline.call(f"{PROBES}:by_conversions", 100_000, everything(offline))
    assert grown < MEBIBYTE


def test_nothing_is_kept_of_conversions_that_fail(offline: Child) -> None:
    grown = offline.call(f"{PROBES}:by_refused_conversions", 20_000, everything(offline))
    assert grown < MEBIBYTE


def test_nothing_is_kept_of_pages(native: Child) -> None:
    for _ in range(200):
        native.call("submit_batch_job", held(comment="c" * 1000))
    # One kept answer of each would be at least 200 kB, 60 MB in all.
    assert native.call(f"{PROBES}:by_pages", 300) < 2 * MEBIBYTE


def test_nothing_is_kept_of_submissions(native: Child) -> None:
    # One kept environment of each would be 3 MB.
    members = held(environment=["NAME=" + "v" * 10_000])
    assert native.call(f"{PROBES}:by_submissions", 300, members) < MEBIBYTE
