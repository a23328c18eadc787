"""SubmitTaskRequest: the task that a request describes."""

from collections.abc import Iterable

from hpcagent.jobs import task as domain
from hpcagent.jobs.errors import Violation
from hpcagent.jobs.identity import Claim
from hpcagent.server.decode.probes import probe
from hpcagent.server.decode.unknown import unknown_fields
from hpcagent.server.decode.values import Faults, choice, optional, request_id, whole
from hpcagent.v1 import cluster_pb2, job_pb2, k8s_agent_pb2


def task_spec(request: k8s_agent_pb2.SubmitTaskRequest) -> domain.TaskSpec:
    """Read a request, violations included: the backend reports them together with its own."""
    faults: Faults = list(unknown_fields(request))
    return domain.TaskSpec(
        claim=_claim(request),
        task=_staged(request.task),
        home=request.home,
        cluster=request.cluster,
        namespace=request.namespace,
        partition=request.partition,
        job_name=request.job_name,
        app=request.app,
        resources=_resources(request.resources),
        workload=_workload(request, faults),
        replicas=optional(request, "replicas"),
        batch=_batch(request, faults),
        endpoints=tuple(
            _endpoint(one, f"endpoints[{index}]", faults)
            for index, one in enumerate(request.endpoints)
        ),
        image_pull_policy=_pull_policy(request, faults),
        image_pull_secrets=tuple(request.image_pull_secrets),
        node_selector=dict(request.node_selector),
        tolerations=tuple(
            _toleration(one, f"tolerations[{index}]", faults)
            for index, one in enumerate(request.tolerations)
        ),
        capabilities=_capabilities(request),
        run_as_user=optional(request, "run_as_user"),
        secret_env=dict(request.secret_env),
        liveness_probe=probe(request, "liveness_probe", faults),
        readiness_probe=probe(request, "readiness_probe", faults),
        startup_probe=probe(request, "startup_probe", faults),
        termination_grace_period=whole(request, "termination_grace_period", "", faults),
        labels=dict(request.labels),
        request_id=request_id(request.request_id, "request_id", faults),
        validate_only=request.validate_only,
        faults=tuple(faults),
    )


def _claim(request: k8s_agent_pb2.SubmitTaskRequest) -> Claim:
    return Claim(
        user_id=optional(request, "user_id"),
        user=request.user,
        group_id=optional(request, "group_id"),
        group=request.group,
    )


# ---------------------------------------------------------------------------------- the StagedTask


def _staged(message: k8s_agent_pb2.StagedTask) -> domain.StagedTask:
    return domain.StagedTask(
        plan=_plan(message.plan),
        stage=_stage(message.stage) if message.HasField("stage") else None,
        inputs=_files(message.inputs),
        outputs=_files(message.outputs),
        volumes=tuple(message.volumes),
        stdin=message.stdin,
        stdout=message.stdout,
        stderr=message.stderr,
    )


def _stage(message: k8s_agent_pb2.Stage) -> domain.Stage:
    return domain.Stage(
        dir=message.dir,
        run_dir=message.run_dir,
        mode=message.mode if message.HasField("mode") else domain.DEFAULT_MODE,
        leave_dir=message.leave_dir,
        create=optional(message, "create"),
        parents=message.parents,
    )


def _plan(message: k8s_agent_pb2.StageTaskPlan) -> domain.StageTaskPlan:
    return domain.StageTaskPlan(
        id=message.id,
        container_image=message.container_image,
        command=tuple(message.command),
        env=dict(message.env),
        workdir=message.workdir,
        volumes=tuple(map(_volume, message.volumes)),
        inputs=_files(message.inputs),
        outputs=_files(message.outputs),
        stdin=message.stdin,
        stdout=message.stdout,
        stderr=message.stderr,
    )


def _files(messages: Iterable[k8s_agent_pb2.File]) -> tuple[domain.File, ...]:
    return tuple(
        domain.File(path=one.path, url=one.url, directory=one.directory) for one in messages
    )


def _volume(message: k8s_agent_pb2.Volume) -> domain.Volume:
    return domain.Volume(
        name=message.name,
        host_path=message.host_path,
        read_only=message.read_only,
        mount_path=message.mount_path,
    )


# --------------------------------------------------------------------------- what it needs, and how


def _resources(message: k8s_agent_pb2.TaskResources) -> domain.TaskResources:
    return domain.TaskResources(
        cpu_millis=optional(message, "cpu_millis"),
        memory_bytes=optional(message, "memory_bytes"),
        devices=devices(message.devices),
        shm_size_bytes=optional(message, "shm_size_bytes"),
        ephemeral_storage_bytes=optional(message, "ephemeral_storage_bytes"),
    )


def devices(messages: Iterable[job_pb2.ExtendedResource]) -> tuple[domain.Device, ...]:
    """Read extended resources."""
    return tuple(domain.Device(one.name, one.count) for one in messages)


def _workload(request: k8s_agent_pb2.SubmitTaskRequest, faults: Faults) -> domain.Workload:
    enum = k8s_agent_pb2.Workload.DESCRIPTOR
    return domain.Workload[choice(enum, request.workload, "workload", faults) or "DEPLOYMENT"]


def _pull_policy(request: k8s_agent_pb2.SubmitTaskRequest, faults: Faults) -> str:
    enum = k8s_agent_pb2.ImagePullPolicy.DESCRIPTOR
    return choice(enum, request.image_pull_policy, "image_pull_policy", faults)


def _batch(request: k8s_agent_pb2.SubmitTaskRequest, faults: Faults) -> domain.Batch | None:
    if not request.HasField("batch"):
        return None
    message = request.batch
    return domain.Batch(
        seconds=_seconds(message, faults),
        backoff_limit=optional(message, "backoff_limit"),
        ttl_after_finished=whole(message, "ttl_after_finished", "batch", faults),
    )


def _seconds(message: k8s_agent_pb2.BatchJob, faults: Faults) -> int | None:
    """Read the limit of time; None: none."""
    if message.HasField("time") and message.time.WhichOneof("limit") is None:
        said = "is empty: give value or unlimited"
        faults.append(Violation("batch.time", said, "REQUIRED"))
    return whole(message.time, "value", "batch.time", faults)


def _endpoint(message: k8s_agent_pb2.Endpoint, path: str, faults: Faults) -> domain.Endpoint:
    enum = k8s_agent_pb2.Endpoint.Protocol.DESCRIPTOR
    return domain.Endpoint(
        name=message.name,
        protocol=choice(enum, message.protocol, f"{path}.protocol", faults) or "TCP",
        source_port=message.source_port,
        target_port=message.target_port,
        control=message.control,
        type=message.type,
    )


def _toleration(message: k8s_agent_pb2.Toleration, path: str, faults: Faults) -> domain.Toleration:
    operators = k8s_agent_pb2.Toleration.Operator.DESCRIPTOR
    effects = cluster_pb2.TaintEffect.DESCRIPTOR
    return domain.Toleration(
        key=message.key,
        operator=choice(operators, message.operator, f"{path}.operator", faults) or "EQUAL",
        value=message.value,
        effect=choice(effects, message.effect, f"{path}.effect", faults),
        seconds=whole(message, "period", path, faults),
    )


def _capabilities(request: k8s_agent_pb2.SubmitTaskRequest) -> domain.Capabilities | None:
    if not request.HasField("capabilities"):
        return None
    return domain.Capabilities(
        add=tuple(request.capabilities.add), drop=tuple(request.capabilities.drop)
    )
