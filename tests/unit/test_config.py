"""A file of settings is taken whole, or refused with everything that is wrong with it."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import get_args, get_origin

import msgspec
import pytest
import tree

from hpcagent import cli, config
from hpcagent.config.words import expected, table_of
from hpcagent.slurm.environment import LIMITS


def settings_of(model: type[msgspec.Struct], path: str = "") -> Iterator[tuple[str, object]]:
    """Every setting below a table with its type; named tables have the name default."""
    for field in msgspec.structs.fields(model):
        inner = None if get_origin(field.type) is tuple else table_of(field.type)
        if inner is None:
            yield f"{path}{field.name}", field.type
        else:
            named = "" if inner is field.type else "default."
            yield from settings_of(inner, f"{path}{field.name}.{named}")


SETTINGS = dict(settings_of(config.Config))

# A file's text -> the path of each fault, and something that its line says.
REFUSED: Mapping[str, Mapping[str, str]] = {
    "serve.unix = 1": {"serve": "did you mean server?"},
    "[sever]": {"sever": "did you mean server?"},
    "verbose = true": {"verbose": "known are server, log, metrics, slurm, policy"},
    "server = 3": {"server": "expected a table, got 3"},
    "[[slurm]]": {"slurm": "expected a table, got [{}]"},
    "[slurm]\nthread = 3": {"slurm.thread": "did you mean threads?"},
    "[log]\ncolour = true": {"log.colour": "known are level, format"},
    "[slurm]\nthreads = 'many'": {"slurm.threads": 'an integer from 1 to 64, got "many"'},
    "[slurm]\nthreads = 0": {"slurm.threads": "an integer from 1 to 64, got 0"},
    "[slurm]\nthreads = 65": {"slurm.threads": "got 65"},
    "[slurm]\nthreads = 8.5": {"slurm.threads": "got 8.5"},
    "[slurm]\nthreads = true": {"slurm.threads": "got true"},
    "[server]\nmax_request_bytes = 1024": {"server.max_request_bytes": "from 65536 to"},
    "[server]\ndrain = -1": {"server.drain": "a number above 0 and up to 3600"},
    "[server]\ndrain = inf": {"server.drain": "got inf"},
    "[server]\ndrain = 2026-11-22": {"server.drain": 'got "2026-11-22"'},
    "[server]\nreflection = 1": {"server.reflection": "true or false, got 1"},
    "[log]\nlevel = 'loud'": {"log.level": '"debug", "info", "warning" or "error", got "loud"'},
    "[slurm]\nidentity = 'user'": {"slurm.identity": '"privileged", got "user"'},
    "[slurm]\numask = '0o22'": {"slurm.umask": 'octal digits, as "0022"'},
    "[slurm]\numask = 22": {"slurm.umask": "got 22"},
    "[slurm.limits]\nNOFIL = 3": {"slurm.limits.NOFIL": "did you mean NOFILE?"},
    "[slurm.limits]\nCPU = 'none'": {"slurm.limits.CPU": '"unlimited", got "none"'},
    "[slurm.limits]\nCPU = -1": {"slurm.limits.CPU": "an integer from 0"},
    "[slurm]\nwork_dir_roots = ['/a', 3]": {"slurm.work_dir_roots[1]": "an absolute path, got 3"},
    "[slurm]\nwork_dir_roots = ['scratch']": {"slurm.work_dir_roots": "absolute paths"},
    "[slurm]\nwork_dir_roots = ['/a/../b']": {"slurm.work_dir_roots": "without . and .."},
    "[slurm]\nwork_dir_roots = '/a'": {"slurm.work_dir_roots": "a list, each item an absolute"},
    "[slurm]\nconf = 'slurm.conf'": {"slurm.conf": "expected an absolute path"},
    "[slurm]\nenabled = false": {"slurm.enabled": "nothing else to serve"},
    "[policy]\nmin_uid = 0": {"policy.min_uid": "an integer from 1 to"},
    "[policy]\nroot_only_partitions = [1]": {"policy.root_only_partitions[0]": "a string, got 1"},
    "[server]\nunix = ''": {"server": "expected unix or tcp, got neither"},
    "[server]\nunix = 'hpcagent.sock'": {"server.unix": "expected an absolute path"},
    f"[server]\nunix = '/{'x' * 107}'": {"server.unix": "at most 107 bytes"},
    "[server]\ntcp = '0.0.0.0:8086'": {"server.tcp": "mTLS is not there yet"},
    "[server]\ntcp = '[::]:8086'": {"server.tcp": "mTLS is not there yet"},
    "[server]\ntcp = '192.0.2.1:8086'": {"server.tcp": "mTLS is not there yet"},
    "[server]\ntcp = 'login1:8086'": {"server.tcp": "no other name is taken"},
    "[server]\ntcp = '::1:8086'": {"server.tcp": "IPv6 goes in brackets"},
    "[server]\ntcp = '127.0.0.1'": {"server.tcp": "expected an address and a port"},
    "[server]\ntcp = ':8086'": {"server.tcp": "expected an address and a port"},
    "[server]\ntcp = '127.0.0.1:0'": {"server.tcp": "a port from 1 to 65535, got 0"},
    "[server]\ntcp = '127.0.0.1:65536'": {"server.tcp": "got 65536"},
    "[server]\ntcp = '127.0.0.1:http'": {"server.tcp": "expected an address and a port"},
    "[metrics]\nlisten = '192.0.2.1:9186'": {"metrics.listen": "mTLS is not there yet"},
    "[kubernetes.cluster.a]": {"kubernetes.cluster": "did you mean clusters?"},
    "[kubernetes]\nclusters = 'a'": {"kubernetes.clusters": 'expected a table, got "a"'},
    "[kubernetes.clusters]": {"kubernetes.clusters": "at least one cluster"},
    "[kubernetes.clusters]\na = 1": {"kubernetes.clusters.a": "expected a table, got 1"},
    "[kubernetes.clusters.a]\nkubeconf = 1": {"kubernetes.clusters.a.kubeconf": "kubeconfig?"},
    "[kubernetes]\nenabled = true": {
        "kubernetes.clusters.default": "expected one of kubeconfig",
    },
    "[kubernetes.clusters.a]\nin_cluster = true\nserver = 'https://k8s.example'": {
        "kubernetes.clusters.a": "only one"
    },
    "[kubernetes.clusters.a]\nserver = 'http://k8s.example'": {
        "kubernetes.clusters.a.server": "https URL"
    },
    "[kubernetes.clusters.a]\ncontext = 'c'": {"kubernetes.clusters.a.context": "for kubeconfig"},
    "[kubernetes.clusters.a]\ntoken_file = '/t'": {
        "kubernetes.clusters.a.token_file": "for server only"
    },
    "[kubernetes.clusters.a]\nkubeconfig = 'c'": {
        "kubernetes.clusters.a.kubeconfig": "an absolute path"
    },
    "[kubernetes.clusters.a]\nprofile = 'p'": {
        "kubernetes.clusters.a.profile": 'one of the profiles (default), got "p"'
    },
    "[kubernetes.clusters.a]\n[kubernetes.clusters.b]": {
        "kubernetes.default_cluster": "one of the clusters (a, b)"
    },
    "[kubernetes]\ndefault_cluster = 'z'": {"kubernetes.default_cluster": '(default), got "z"'},
    "[kubernetes]\nusers = 'ldap'": {"kubernetes.users": '"nss" or "request", got "ldap"'},
    "[kubernetes]\nwork_dir_roots = ['/a/..']": {"kubernetes.work_dir_roots[0]": "an absolute"},
    "[kubernetes.profiles.default]\nnamespace = 'A'": {
        "kubernetes.profiles.default.namespace": "a-z 0-9"
    },
    "[kubernetes.profiles.default]\nvolumes = [{name = 'App', host_path = 'a'}]": {
        "kubernetes.profiles.default.volumes[0].name": "a-z 0-9",
        "kubernetes.profiles.default.volumes[0].host_path": "an absolute path",
        "kubernetes.profiles.default.volumes[0].mount_path": "an absolute path",
    },
    "[kubernetes.profiles.default]\nvolumes = [1, {nam = 'a'}]": {
        "kubernetes.profiles.default.volumes[0]": "expected a table, got 1",
        "kubernetes.profiles.default.volumes[1].nam": "did you mean name?",
    },
    "[kubernetes.profiles.default]\nvolumes = {}": {
        "kubernetes.profiles.default.volumes": "expected a list of tables, got {}"
    },
    "[kubernetes.profiles.default]\nhome_volume = 'workdir'": {
        "kubernetes.profiles.default.work_dir_volume": "another value than elsewhere"
    },
    "[kubernetes.profiles.default]\nname_label = ''": {
        "kubernetes.profiles.default.name_label": "must be a name"
    },
    "[kubernetes.profiles.default]\napp_label = 'name'": {
        "kubernetes.profiles.default.app_label": "another value than elsewhere"
    },
    "[kubernetes.profiles.default.labels]\n'a b' = 'c'": {
        "kubernetes.profiles.default.labels.a b": "must be a name"
    },
    "[kubernetes.profiles.default.environment]\n1A = 'x'\nB = 2": {
        "kubernetes.profiles.default.environment.B": "expected a string, got 2"
    },
    "[kubernetes.profiles.default.environment]\n1A = 'x'": {
        "kubernetes.profiles.default.environment.1A": "no digit first"
    },
    "[kubernetes.profiles.default.devices]\n'nvidia.com/gpu' = -1": {
        "kubernetes.profiles.default.devices.nvidia.com/gpu": "an integer from 0"
    },
    "[kubernetes.profiles.default]\nadd_capabilities = ['CAP_SYS_ADMIN']": {
        "kubernetes.profiles.default.add_capabilities[0]": "without CAP_"
    },
    "[kubernetes.policy]\nhomes = ['home']": {"kubernetes.policy.homes[0]": "an absolute path"},
    "[kubernetes.policy]\nnamespaces = ['a.b']": {"kubernetes.policy.namespaces[0]": "a-z 0-9"},
    "[kubernetes.policy]\nnamespaces = ['hpc']": {
        "kubernetes.policy.namespaces": "expected default too, which profile default puts"
    },
    "[kubernetes.policy]\nhost_path_roots = ['/']": {
        "kubernetes.policy.host_path_roots[0]": "must not be the root"
    },
    "[kubernetes.policy]\nimages = ['busybox', 'hub.example/Team', 'hub.example/a:1', '']": {
        "kubernetes.policy.images[0]": "docker.io/library/busybox",
        "kubernetes.policy.images[1]": "in small letters",
        "kubernetes.policy.images[2]": "without a tag",
        "kubernetes.policy.images[3]": "must be *",
    },
    "[kubernetes.profiles.default.devices]\ncpu = 1": {
        "kubernetes.profiles.default.devices.cpu": "nvidia.com/gpu"
    },
    "[kubernetes.policy]\nmax_replicas = -1": {"kubernetes.policy.max_replicas": "from 0 to"},
    "server = \n": {"": "is not TOML: Invalid value (at line 1"},
    "[log]\nlevel = 'info'\nlevel = 'debug'\n": {"": "Cannot overwrite a value (at line 3"},
    "[log]\n# caf\udce9": {"": "is not UTF-8 (at line 2)"},
    "[slurm]\nthreads = 0\nporcesses = 2\n[server]\ntcp = '[::]:1'\n[log]\nlevel = 5": {
        "slurm.threads": "from 1 to 64",
        "slurm.porcesses": "did you mean processes?",
        "server.tcp": "mTLS is not there yet",
        "log.level": "got 5",
    },
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "hpcagent.toml"


@pytest.mark.parametrize("text", REFUSED)
def test_a_bad_file_is_refused_with_the_path_of_every_fault(text: str, file: Path) -> None:
    file.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(config.ConfigError) as refusal:
        config.load(file)
    said = {fault.path: fault.text for fault in refusal.value.faults}
    assert said.keys() == REFUSED[text].keys()
    for path, words in REFUSED[text].items():
        assert words in said[path]
    assert len(str(refusal.value).splitlines()) == len(said)


@pytest.mark.parametrize("text", REFUSED)
def test_the_daemon_does_not_start_with_a_bad_file(
    text: str, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_bytes(text.encode(errors="surrogateescape"))
    assert cli.main(["serve", "--config", str(file)]) == os.EX_CONFIG
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == len(REFUSED[text])
    for line, path in zip(sorted(lines), sorted(REFUSED[text]), strict=True):
        assert line.startswith(f"{file}: {path}")


def test_a_file_that_is_not_there_is_named(file: Path) -> None:
    with pytest.raises(
        config.ConfigError, match=rf"^{re.escape(str(file))}: cannot be read: No such"
    ):
        config.load(file)


def test_an_empty_file_means_the_defaults(file: Path) -> None:
    file.touch()
    assert config.load(file) == config.Config()


@pytest.mark.parametrize(
    "address", ["127.0.0.1:1", "127.1.2.3:65535", "[::1]:8086", "localhost:80"]
)
def test_every_loopback_address_is_taken(address: str, file: Path) -> None:
    file.write_text(f"[server]\nunix = ''\ntcp = '{address}'")
    assert config.load(file).server.tcp == address


def test_what_a_file_sets_is_set(file: Path) -> None:
    file.write_text("slurm.limits = {NOFILE = 4096, CORE = 'unlimited'}\nserver.drain = 5\n")
    settings = config.load(file)
    assert settings.slurm.limits == {"NOFILE": 4096, "CORE": "unlimited"}
    assert settings.server.drain == 5.0


@pytest.mark.parametrize(
    ("mode", "others_can"), [(0o600, False), (0o644, False), (0o664, True), (0o646, True)]
)
def test_a_file_that_others_can_write_is_told_of(file: Path, mode: int, others_can: bool) -> None:
    file.touch()
    file.chmod(mode)
    assert bool(config.exposure(file)) == others_can


@pytest.mark.skipif(os.getuid() != 0, reason="must be root to give a file away")
def test_a_file_of_another_user_is_told_of(file: Path) -> None:
    file.touch(0o600)
    os.chown(file, 12345, -1)
    assert "uid 12345" in config.exposure(file)


def test_changed_settings_are_named_by_their_paths() -> None:
    old = config.Config()
    new = config.Config(log=config.Log(level="debug"), slurm=config.Slurm(threads=3, conf="/x"))
    assert set(config.changes(old, new)) == {"log.level", "slurm.threads", "slurm.conf"}
    assert not list(config.changes(old, old))


# ------------------------------------------------------------------------------- one place for each


def uncommented() -> str:
    """The example with every setting in force."""
    text = tree.text("docs/hpcagent.example.toml")
    return re.sub(r"^#(?=\w)", "", text, flags=re.MULTILINE)


def test_the_example_as_it_stands_changes_nothing(file: Path) -> None:
    file.write_text(tree.text("docs/hpcagent.example.toml"))
    assert config.load(file) == config.Config()


def test_the_examples_values_are_the_defaults(file: Path) -> None:
    file.write_text(uncommented())
    assert config.load(file) == config.Config()


def test_the_example_has_every_setting_and_no_other() -> None:
    table, found = "", set()
    for line in uncommented().splitlines():
        if heading := re.fullmatch(r"\[([\w.]+)\]", line):
            table = heading[1]
        elif setting := re.match(r"(\w+) = ", line):
            found.add(f"{table}.{setting[1]}")
    assert found == SETTINGS.keys()


def test_the_example_and_the_page_are_what_the_model_says() -> None:
    command = [sys.executable, "tools/config-docs", "check"]
    run = subprocess.run(command, cwd=tree.ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("kind", SETTINGS.values(), ids=SETTINGS.keys())
def test_what_a_setting_accepts_can_be_said(kind: object) -> None:
    assert expected(kind)


def test_what_can_be_reloaded_is_a_setting() -> None:
    assert SETTINGS.keys() >= config.RELOADABLE


def test_the_limits_are_those_that_slurm_propagates() -> None:
    assert set(LIMITS) == set(get_args(config.model.Limit))
