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


def held_back(growth: dict[str, int], count: int, excused: int = 0) -> bool:
    """Whether, each time, more than `excused` bytes and malloc's smallest block were kept."""
    return growth["allocated"] >= (excused + 16) * count


def test_nothing_is_kept_of_100_000_conversions(offline: Child) -> None:
    # One kept string of each would be 10 MB.
    growth = offline.call(f"{PROBES}:by_conversions", 100_000, everything(offline))
    assert growth["resident"] < MEBIBYTE
    assert not held_back(growth, 100_000)


def test_nothing_is_kept_of_conversions_that_fail(offline: Child) -> None:
    growth = offline.call(f"{PROBES}:by_refused_conversions", 20_000, everything(offline))
    assert growth["resident"] < MEBIBYTE
    assert not held_back(growth, 20_000)


def test_nothing_is_kept_of_pages(native: Child) -> None:
    for _ in range(20):
        native.call("submit_batch_job", held())
    assert not held_back(native.call(f"{PROBES}:by_pages", 500), 500)


def test_nothing_is_kept_of_what_a_cluster_is_made_of(native: Child) -> None:
    assert not held_back(native.call(f"{PROBES}:by_inventories", 200), 200)


def test_nothing_is_kept_of_submissions(native: Child) -> None:
    assert not held_back(native.call(f"{PROBES}:by_submissions", 500, held()), 500)


def test_nothing_is_kept_of_heterogeneous_submissions(native: Child) -> None:
    assert not held_back(native.call(f"{PROBES}:by_het_submissions", 300, held()), 300)


def test_nothing_is_kept_of_estimates(native: Child) -> None:
    assert not held_back(native.call(f"{PROBES}:by_estimates", 500, held()), 500)


def test_nothing_is_kept_of_answers_by_task(native: Child) -> None:
    job_id = native.call("submit_batch_job", held(array_inx="0-3"))["job_id"]
    native.call("update_job2", {"job_id_str": f"{job_id}_1", "comment": "alone"})
    change = {"job_id_str": str(job_id), "comment": "all"}
    assert not held_back(native.call(f"{PROBES}:by_answers_by_task", 500, change), 500)


def test_of_refusals_only_what_libslurm_keeps_itself_is_kept(native: Child) -> None:
    # Up to 22.05 at least, slurm_submit_batch_job() does not free the code it was refused with.
    growth = native.call(f"{PROBES}:by_refused_submissions", 500, held(partition="nowhere"))
    assert not held_back(growth, 500, excused=32)
