"""SubmitJobRequest: the job that a request describes."""

from dataclasses import replace

from hpcagent.jobs.identity import Claim
from hpcagent.jobs.spec import HetComponent, JobSpec, WorkDirRequest
from hpcagent.server.decode.options import options
from hpcagent.server.decode.unknown import unknown_fields
from hpcagent.server.decode.values import Faults, word
from hpcagent.v1 import slurm_agent_pb2

BACKEND = "slurm"
"""The key of ``options`` that SlurmAgent reads; others are for other backends."""


def job_spec(request: slurm_agent_pb2.SubmitJobRequest, cluster: str) -> JobSpec:
    """Read a request, violations included: the backend reports them together with its own.

    ``cluster`` is the agent's own, empty while it is not known.
    """
    faults: Faults = list(unknown_fields(request))
    chosen = _options(request, cluster, faults)
    return JobSpec(
        claim=_claim(request),
        work_dir=request.work_dir,
        script=request.script,
        partition=request.partition,
        name=request.name,
        environment=tuple(request.environment),
        nodes=request.nodes,
        min_cpus=request.min_cpus,
        max_cpus=request.max_cpus,
        argv=tuple(request.argv),
        directives=_directives(request, faults),
        options=chosen,
        components=_components(request, cluster, faults),
        create_work_dir=_create_work_dir(request),
        request_id=request.request_id,
        validate_only=request.validate_only,
        faults=tuple(faults),
    )


def item_spec(asked: slurm_agent_pb2.SubmitJobsRequest, cluster: str) -> JobSpec:
    """Read one job of a stream; paths are those of the job's own request."""
    spec = job_spec(asked.request, cluster)
    beside = [fault for fault in unknown_fields(asked) if fault.field.isdecimal()]
    return replace(spec, faults=(*spec.faults, *beside)) if beside else spec


def _claim(request: slurm_agent_pb2.SubmitJobRequest) -> Claim:
    return Claim(
        user_id=request.user_id if request.HasField("user_id") else None,
        user=request.user,
        group_id=request.group_id if request.HasField("group_id") else None,
        group=request.group,
    )


def _options(
    request: slurm_agent_pb2.SubmitJobRequest, cluster: str, faults: Faults
) -> dict[str, object]:
    if BACKEND not in request.options:
        return {}
    path, message = f'options["{BACKEND}"]', request.options[BACKEND]
    faults.extend(unknown_fields(message, path))
    return options(message, path, cluster, faults)


def _components(
    request: slurm_agent_pb2.SubmitJobRequest, cluster: str, faults: Faults
) -> tuple[HetComponent, ...]:
    return tuple(
        HetComponent(
            component.partition,
            component.nodes,
            options(component.options, f"components[{index}].options", cluster, faults),
            component.name,
        )
        for index, component in enumerate(request.components)
    )


def _directives(request: slurm_agent_pb2.SubmitJobRequest, faults: Faults) -> str:
    if not request.directives:
        return "HONOUR"
    enum = slurm_agent_pb2.Directives.DESCRIPTOR
    return word(enum, request.directives, "directives", faults) or "IGNORE"


def _create_work_dir(request: slurm_agent_pb2.SubmitJobRequest) -> WorkDirRequest | None:
    if not request.HasField("create_work_dir"):
        return None
    wanted = request.create_work_dir
    if not wanted.HasField("mode"):
        return WorkDirRequest(parents=wanted.parents)
    return WorkDirRequest(mode=wanted.mode, parents=wanted.parents)
