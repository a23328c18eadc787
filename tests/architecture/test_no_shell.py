"""The product starts no shell and no Slurm command; everything goes through libslurm.

A shell string lets a job's name run as a command, and a parsed `squeue` breaks with the next Slurm.
"""

import ast
import re
from pathlib import PurePath

import tree

PRODUCT = [
    name
    for name in [*tree.written(".py", below="hpcagent/"), *tree.written(".py", below="_slurm/")]
    if not name.startswith("hpcagent/sandbox/")
]
NATIVE = tree.written(".pyx", ".pxd", ".h", below="_slurm/")
EVERYWHERE = tree.written(".py", *tree.SCRIPTS)

# Who may start a program at all, and which.
MAY_START = {
    "hpcagent/k8s/side_processes.py": "asks NSS, or acts as users: this Python, `-m hpcagent.k8s.`",
    "hpcagent/slurm/pool/process.py": "a worker: this Python, `-m hpcagent.slurm.worker`",
}
STARTS_A_PROGRAM = re.compile(
    r"^(subprocess|pty|multiprocessing)(\.|$)"
    r"|^os\.(system|popen|exec\w+|spawn\w+|posix_spawnp?|fork\w*)$"
    r"|^asyncio\.(subprocess|create_subprocess_\w+)"
)
STARTS_A_PROGRAM_IN_C = re.compile(r"\b(system|popen|exec[lv]p?e?|posix_spawnp?|v?fork)\s*\(")
SLURM_COMMAND = re.compile(
    r"s(acct|acctmgr|alloc|attach|batch|bcast|cancel|control|crontab|diag|info|prio|queue|report|run"
    r"|share|stat|trigger)"
)


def uses(name: str) -> set[str]:
    """What a file imports, and the dotted names in it."""
    nodes = ast.walk(tree.syntax(name))
    return tree.imports(name) | {ast.unparse(n) for n in nodes if isinstance(n, ast.Attribute)}


def starts_a_program(name: str) -> bool:
    return any(STARTS_A_PROGRAM.search(use) for use in uses(name))


def test_the_product_starts_no_program_but_its_own_workers() -> None:
    assert {name for name in PRODUCT if starts_a_program(name)} == set(MAY_START)


def test_native_code_starts_no_program() -> None:
    assert not [name for name in NATIVE if STARTS_A_PROGRAM_IN_C.search(tree.text(name))]


def lists(name: str) -> list[ast.List | ast.Tuple]:
    return [node for node in ast.walk(tree.syntax(name)) if isinstance(node, ast.List | ast.Tuple)]


def names_a_command(node: ast.expr) -> bool:
    """Whether this is the name or path of a Slurm command, as one would pass it to exec."""
    return (
        isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and SLURM_COMMAND.fullmatch(PurePath(node.value).name) is not None
    )


def test_the_product_names_no_slurm_command_as_an_argument_list() -> None:
    assert not [
        f"{name}:{words.lineno}"
        for name in PRODUCT
        for words in lists(name)
        if words.elts and names_a_command(words.elts[0])
    ]


def asks_for_a_shell(call: ast.Call) -> bool:
    return any(keyword.arg == "shell" and ast.unparse(keyword.value) != "False"
               for keyword in call.keywords)  # fmt: skip


def test_no_shell_anywhere_not_even_in_tests() -> None:
    assert not [name for name in EVERYWHERE if {"os.system", "os.popen"} & uses(name)]
    assert not [
        f"{name}:{node.lineno}"
        for name in EVERYWHERE
        for node in ast.walk(tree.syntax(name))
        if isinstance(node, ast.Call) and asks_for_a_shell(node)
    ]
