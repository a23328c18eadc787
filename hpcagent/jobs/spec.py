"""What a job shall be, as a request asks for it: the domain's form of SubmitJobRequest.

The options stay one mapping, from the proto field's name to a plain value, so that a new option
needs a proto field and a row in ``hpcagent.slurm.options``, and nothing here. Values are numbers,
strings, booleans, ``float`` seconds for times and lengths (``math.inf``: unlimited), enum words in
the proto's spelling without prefix, and the few dataclasses below.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields

from hpcagent.jobs.errors import Violation
from hpcagent.jobs.identity import Claim


@dataclass(frozen=True, slots=True)
class Gres:
    """A generic resource: ``gpu``, its type and how many; None as count is one."""

    name: str
    type: str = ""
    count: int | None = None


@dataclass(frozen=True, slots=True)
class NodeCount:
    """A number of nodes, a range, or as ``sizes`` Slurm's list of numbers that will do."""

    min: int = 0
    max: int | None = None
    sizes: str = ""


@dataclass(frozen=True, slots=True)
class DependencyTerm:
    """One condition on other jobs; ``type`` is sbatch's word in capitals: ``AFTEROK``."""

    type: str
    jobs: tuple[str, ...] = ()
    delay: float | None = None


@dataclass(frozen=True, slots=True)
class Dependency:
    """Conditions on other jobs: Slurm's own expression, or terms of which all or any must hold."""

    expression: str = ""
    terms: tuple[DependencyTerm, ...] = ()
    any: bool = False


@dataclass(frozen=True, slots=True)
class CpuFrequency:
    """Frequency of processors: each bound in kHz or as a level's word, and a governor's word."""

    min: int | str | None = None
    max: int | str | None = None
    governor: str = ""


@dataclass(frozen=True, slots=True)
class Distribution:
    """How tasks are laid out over each level; an empty word is Slurm's default for its level."""

    nodes: str = ""
    sockets: str = ""
    cores: str = ""
    plane_size: int = 0
    pack: bool | None = None


@dataclass(frozen=True, slots=True)
class JobSignal:
    """A signal before the end: to the steps, or to the batch script alone."""

    signal: str
    before: float | None = None
    batch: bool = False
    reservation: bool = False


@dataclass(frozen=True, slots=True)
class Switches:
    """Leaf switches at most, and how many seconds to wait for so few; None: the site's limit."""

    count: int
    max_wait: float | None = None


@dataclass(frozen=True, slots=True)
class MemoryUpdate:
    """Memory above what is in use that a job keeps, in percent, after so many seconds."""

    margin_percent: int
    delay: float


@dataclass(frozen=True, slots=True)
class WorkDirRequest:
    """The working directory is to be made, with these mode bits."""

    mode: int = 0o700
    parents: bool = False


@dataclass(frozen=True, slots=True)
class HetComponent:
    """A further component of a heterogeneous job, whose leader the JobSpec itself is."""

    partition: str = ""
    nodes: int = 0
    options: Mapping[str, object] = field(default_factory=dict)
    name: str = ""
    """Its name; empty: that of the component before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSpec:
    """One batch job. Frozen: what a request asked for does not change on its way down."""

    claim: Claim
    work_dir: str
    script: str
    partition: str = ""
    name: str = ""
    environment: tuple[str, ...] = ()
    nodes: int = 0
    min_cpus: int = 0
    max_cpus: int = 0
    argv: tuple[str, ...] = ()
    directives: str = "HONOUR"
    options: Mapping[str, object] = field(default_factory=dict)
    components: tuple[HetComponent, ...] = ()
    """The components behind the leader, in their order; empty unless the job is heterogeneous."""
    create_work_dir: WorkDirRequest | None = None
    request_id: str = ""
    validate_only: bool = False
    faults: tuple[Violation, ...] = ()
    """What could not even be read; the backend reports it together with what it finds itself."""
    paths: Mapping[str, str] = field(default_factory=dict)
    """What the caller calls a field or an option, where it does not call it by its name here."""

    def digest(self) -> str:
        """Return ``sha256:...`` of all that makes the job, so that equal requests are equal.

        The ``request_id`` does not count, nor whether the request was a trial: they say how to
        ask, not what for.
        """
        content = {part.name: getattr(self, part.name) for part in fields(self)}
        for how in ("request_id", "validate_only", "faults", "paths"):
            del content[how]
        content["script"] = _sha256(self.script)  # by far the longest part: not escaped for JSON
        form = json.dumps(content, sort_keys=True, separators=(",", ":"), default=asdict)
        return "sha256:" + _sha256(form)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
