"""What options say against each other: what sbatch refuses, or would drop silently.

Two options that both count are better refused than one of them ignored: a job that runs with half
of what was asked for is worse than none.
"""

from collections.abc import Mapping

from hpcagent.slurm.draft import Draft
from hpcagent.slurm.options import EXCLUDE_EACH_OTHER, path_of


def check(options: Mapping[str, object], draft: Draft) -> None:
    """Note every conflict between the options of a job."""
    for group in EXCLUDE_EACH_OTHER:
        given = [name for name in group if options.get(name, False) is not False]
        if len(given) > 1:
            said = f"excludes {', '.join(given[1:])}: give one of them"
            draft.fault(path_of(given[0]), said, "CONFLICT")
    if options.get("requeue") is False and options.get("requeue_expedite"):
        draft.fault(path_of("requeue_expedite"), "excludes requeue: false", "CONFLICT")
    _check_times(draft)
    _check_distribution(draft)
    _check_site(draft)


def _check_times(draft: Draft) -> None:
    begin, deadline = (draft.members.get(name) for name in ("begin_time", "deadline"))
    if isinstance(begin, int) and isinstance(deadline, int) and 0 < deadline < begin:
        draft.fault(path_of("deadline"), "is before begin", "CONFLICT")


def _check_distribution(draft: Draft) -> None:
    if draft.size.arbitrary and "req_nodes" not in draft.members:
        said = "is ARBITRARY, which needs a nodelist"
        draft.fault(path_of("distribution"), said, "REQUIRED")


def _check_site(draft: Draft) -> None:
    """Tell of what slurmctld takes and ignores; sbatch does, too (_validate_spec_cores_options)."""
    if "core_spec" in draft.members and not draft.spec_resources:
        said = "core_spec and thread_spec are ignored: slurm.conf has no AllowSpecResourcesUsage"
        draft.warn("SPEC_IGNORED", said)
