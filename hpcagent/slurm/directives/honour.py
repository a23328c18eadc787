"""A request together with what its script says to sbatch: one JobSpec that says it all.

Nothing is raised here: what is wrong with the script goes to the faults of the JobSpec, so that a
caller is told everything at once, and names the line and the option.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from hpcagent.jobs.errors import AgentError, InvalidRequest, Violation
from hpcagent.jobs.model import Warning as JobWarning
from hpcagent.jobs.spec import HetComponent, JobSpec, NodeCount
from hpcagent.slurm.directives import lexer
from hpcagent.slurm.directives.exports import export
from hpcagent.slurm.directives.lexer import Remark, Script
from hpcagent.slurm.directives.settings import Setting, Settings
from hpcagent.slurm.directives.spellings import IN_REQUEST
from hpcagent.slurm.draft import FaultError, Release

SCRIPT = "script"
"""The field of the request that a fault of a line belongs to."""
OPTIONS = 'options["slurm"].'
"""How the path of an option begins."""


@dataclass(frozen=True, slots=True)
class Honoured:
    """What is asked for, all in all."""

    spec: JobSpec
    warnings: tuple[JobWarning, ...] = ()
    components: tuple[Mapping[str, Setting], ...] = ({},)
    """What is asked for of each component, by option, and where."""

    @contextmanager
    def blamed(self) -> Iterator[None]:
        """Let errors name the line of an option that came from the script, not a field."""
        try:
            yield
        except InvalidRequest as error:
            raise InvalidRequest(self._blame(error.violations)) from error
        except AgentError as error:
            error.violations = self._blame(error.violations)
            raise

    def _blame(self, violations: Sequence[Violation]) -> tuple[Violation, ...]:
        lines = {
            _path(name, component): setting
            for component, settings in enumerate(self.components)
            for name, setting in settings.items()
            if setting.line
        }
        return tuple(
            violation
            if violation in self.spec.faults  # named already, as it was found in what was sent
            else _called(_blame(violation, lines.get(violation.field)), self.spec.paths)
            for violation in violations
        )


def _blame(violation: Violation, setting: Setting | None) -> Violation:
    if setting is None:
        return violation
    said = f"line {setting.line}: {setting.written} {violation.description}"
    return Violation(SCRIPT, said, violation.reason)


def _called(violation: Violation, paths: Mapping[str, str]) -> Violation:
    """Return a violation by the caller's own name of its field."""
    name, bracket, index = violation.field.removeprefix(OPTIONS).partition("[")
    return (
        replace(violation, field=f"{paths[name]}{bracket}{index}") if name in paths else violation
    )


def _path(name: str, component: int) -> str:
    """Return the path of an option in the request, as ``slurm.description.descriptor`` has it."""
    if not component:
        return name if name in IN_REQUEST else f"{OPTIONS}{name}"
    inner = name if name in IN_REQUEST else f"options.{name}"
    return f"components[{component - 1}].{inner}"


def honour(spec: JobSpec, release: Release) -> Honoured:
    """Return the request with its script's lines for sbatch taken into it."""
    honoured = spec.directives == "HONOUR"
    script = lexer.read(spec.script.replace("\r\n", "\n")) if honoured else Script()
    components: list[Settings] = []
    for offset in range(1 + max(len(script.separators), len(spec.components))):
        settings = Settings()
        if offset < len(script.components):
            settings.read(script.components[offset], release)
        settings.take_all(_asked(spec, offset))
        components.append(settings)
    faults = _faults(script, components)
    ignored = [one.by_name.pop("ignore_pbs", None) for one in components]
    if honoured and not any(ignored):
        faults += _foreign_faults(spec.script)
    violations = [*spec.faults, *map(_violation, faults)]
    environment = _exported(spec, components[0].by_name, release, violations)
    return Honoured(
        _resolved(spec, [one.by_name for one in components], environment, violations),
        tuple(map(_warning, _warnings(script, components))),
        tuple(one.by_name for one in components),
    )


def _asked(spec: JobSpec, offset: int) -> dict[str, object]:
    """Return what a request says of a component, by option.

    sbatch reads its command line again for each component of a script, as far as it has parts of
    its own for them; so does this.
    """
    if not offset or not spec.components:
        fields = {"name": spec.name, "work_dir": spec.work_dir, "partition": spec.partition}
        return _some(fields, spec.nodes) | dict(spec.options)
    own = spec.components[min(offset, len(spec.components)) - 1]
    fields = {"name": own.name, "work_dir": spec.work_dir, "partition": own.partition}
    return _some(fields, own.nodes) | dict(own.options)


def _some(fields: Mapping[str, object], nodes: int) -> dict[str, object]:
    given = {name: value for name, value in fields.items() if value}
    return given | ({"nodes": NodeCount(nodes)} if nodes else {})


# ---------------------------------------------------------------------- into a JobSpec

_By = Mapping[str, Setting]


def _resolved(
    spec: JobSpec, components: Sequence[_By], environment: tuple[str, ...], faults: list[Violation]
) -> JobSpec:
    """Return the JobSpec that says what the settings say."""
    leader, *others = components
    further = tuple(
        _component(spec, offset, settings, faults)
        for offset, settings in enumerate(others, start=1)
    )
    return replace(
        spec,
        name=_text(leader, "name"),
        work_dir=_text(leader, "work_dir"),
        partition=_text(leader, "partition"),
        environment=environment,
        options=_options(leader, spec.nodes, spec.options),
        components=further,
        faults=tuple(faults),
    )


def _text(settings: _By, name: str) -> str:
    return str(settings[name].value) if name in settings else ""


def _options(settings: _By, nodes: int, asked: Mapping[str, object]) -> dict[str, object]:
    """Return the options; a request's own number of nodes is a field of its own."""
    aside = {*IN_REQUEST, *(["nodes"] if nodes and "nodes" not in asked else [])}
    return {name: one.value for name, one in settings.items() if name not in aside}


def _component(spec: JobSpec, offset: int, settings: _By, faults: list[Violation]) -> HetComponent:
    for name in ("work_dir", "export"):
        setting = settings.get(name)
        if setting is not None and setting.line:
            said = f"line {setting.line}: {setting.written} holds for all components: give it first"
            faults.append(Violation(SCRIPT, said, "OPTION_OF_LEADER"))
    if offset <= len(spec.components):
        own = spec.components[offset - 1]
        nodes, asked = own.nodes, own.options
    else:
        nodes, asked = (0, {})
    return HetComponent(
        name=_text(settings, "name"),
        partition=_text(settings, "partition"),
        nodes=nodes,
        options=_options(settings, nodes, asked),
    )


def _exported(
    spec: JobSpec, leader: dict[str, Setting], release: Release, faults: list[Violation]
) -> tuple[str, ...]:
    """Choose from the environment; one that is not well-formed is refused as it is, later."""
    setting = leader.get("export")
    if setting is None or not all(entry.find("=") > 0 for entry in spec.environment):
        return spec.environment
    try:
        exported = export(str(setting.value), spec.environment, release)
    except FaultError as error:
        said = f"line {setting.line}: {setting.written} {error.said}"
        faults.append(Violation(SCRIPT, said, error.reason))
        return spec.environment
    if exported.get_user_env:
        leader["get_user_env"] = replace(setting, value=True)
    return exported.environment


# ---------------------------------------------------------------------- what is wrong


def _faults(script: Script, components: Sequence[Settings]) -> list[Remark]:
    found = [*script.faults, *(fault for one in components for fault in one.faults)]
    return sorted(found, key=lambda remark: remark.line)


def _warnings(script: Script, components: Sequence[Settings]) -> list[Remark]:
    found = [*script.warnings, *(remark for one in components for remark in one.warnings)]
    return sorted(found, key=lambda remark: remark.line)


def _foreign_faults(text: str) -> list[Remark]:
    line = lexer.foreign(text)
    said = (
        "is for PBS or LSF, and sbatch would translate it: write it as #SBATCH, or add"
        " #SBATCH --ignore-pbs"
    )
    return [Remark(line, "SCRIPT_HAS_FOREIGN_DIRECTIVES", said)] if line else []


def _violation(remark: Remark) -> Violation:
    return Violation(SCRIPT, f"line {remark.line}: {remark.said}", remark.reason)


def _warning(remark: Remark) -> JobWarning:
    return JobWarning(remark.reason, f"line {remark.line}: {remark.said}")
