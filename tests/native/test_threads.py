from native.child import Child
from native.jobs import held

from hpcagent.sandbox import Sandbox


def test_each_of_many_threads_is_told_its_own_reason(sandbox: Sandbox) -> None:
    with Child(sandbox.env) as child:
        child.call("init", str(sandbox.conf))
        met = child.call("native.probes.threads:refused_in_parallel", 8, 50, held())
        assert len(met) == 8 * 50
        assert [pair for pair in met if pair[0] != pair[1]] == []
        assert child.end() == "", "libslurm wrote to stderr"


def test_python_runs_while_a_call_waits_for_slurmctld(private_sandbox: Sandbox) -> None:
    with Child(private_sandbox.env) as child:
        child.call("init", str(private_sandbox.conf))
        private_sandbox.slurmctld.suspend()
        child.begin("native.probes.threads:work_beside_a_call", 0.3)
        assert child.line() == "\n"
        private_sandbox.slurmctld.resume()
        child.answer()
