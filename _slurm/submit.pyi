from collections.abc import Mapping

from _slurm.records import Given, SubmitReply

def submit_batch_job(members: Mapping[str, Given], /) -> SubmitReply: ...
