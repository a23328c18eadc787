"""Writing a submission into the journal: before it is sent, and what came of it.

If it cannot be written down it is not sent: a job nobody could answer for is worse than none. Once
it is sent it is the truth, and that it cannot be written is told beside the answer.
"""

from collections.abc import Callable
from dataclasses import replace

from hpcagent.jobs.errors import AgentError, OutcomeUnknown
from hpcagent.jobs.journal import Entry, Journal, Outcome
from hpcagent.jobs.model import Submission
from hpcagent.jobs.model import Warning as JobWarning

NOT_WRITTEN = JobWarning(
    "JOURNAL_NOT_WRITTEN",
    "the job was submitted, but the agent could not write that into its journal: once slurmctld"
    " has forgotten the job, the agent will not know it",
)


def recorded(journal: Journal, entry: Entry, send: Callable[[], Submission]) -> Submission:
    """Submit, with the journal told before and after; an unknown outcome stays open there."""
    number = journal.intend(entry)
    try:
        submission = send()
    except OutcomeUnknown:
        raise
    except AgentError as error:
        journal.settle(number, Outcome.REFUSED, reason=error.reason)
        raise
    job_id = submission.job_id.job_id if submission.job_id else 0
    if journal.settle(number, Outcome.ACCEPTED, job_id):
        return submission
    return replace(submission, warnings=(*submission.warnings, NOT_WRITTEN))
