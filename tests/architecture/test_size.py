"""Modules and functions stay small enough to be read whole."""

import ast
import re
from collections.abc import Iterator

import tree

MODULE_LINES = 400
FUNCTION_LINES = 50
SOURCES = tree.written(".py", ".pyi", ".pyx", ".pxd", ".h", *tree.SCRIPTS)
# Pure data, one row a line: longer is not harder to read. Each with its reason.
TABLES: dict[str, str] = {
    "hpcagent/slurm/errno_table.py": "a row for each code of every slurm_errno.h",
}
CYTHON_FUNCTION = re.compile(r"^(\s*)(?:def|cpdef|cdef)\b[^=]*\(")

Extent = tuple[int, int]
"""First line and number of lines of a function."""


def test_a_module_can_be_read_in_one_sitting() -> None:
    lengths = {name: tree.text(name).count("\n") for name in SOURCES if name not in TABLES}
    assert not {name: lines for name, lines in lengths.items() if lines > MODULE_LINES}


def test_only_long_tables_are_excepted() -> None:
    assert not [name for name in TABLES if tree.text(name).count("\n") <= MODULE_LINES]


def test_a_function_fits_on_a_screen() -> None:
    assert not [
        f"{name}:{start}: {length} lines"
        for name in SOURCES
        for start, length in functions(name)
        if length > FUNCTION_LINES
    ]


def functions(name: str) -> Iterator[Extent]:
    """Every function of a file, nested ones both within their outer one and alone."""
    if name.endswith((".pyx", ".pxd")):
        return cython_functions(tree.text(name))
    if name.endswith(".h"):
        return c_functions(tree.text(name))
    return python_functions(tree.syntax(name))


def python_functions(module: ast.Module) -> Iterator[Extent]:
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.lineno, (node.end_lineno or node.lineno) - node.lineno + 1


def cython_functions(source: str) -> Iterator[Extent]:
    """By indentation: a function ends before the first line that is indented no deeper than it."""
    lines = source.splitlines()
    for start, line in enumerate(lines):
        if match := CYTHON_FUNCTION.match(line):
            indent, last = match[1], start
            for number, body in enumerate(lines[start + 1 :], start + 1):
                closes_signature = body.startswith(f"{indent})")
                if body.strip() and not body.startswith(f"{indent} ") and not closes_signature:
                    break
                last = number if body.strip() else last
            yield start + 1, last - start + 1


def c_functions(source: str) -> Iterator[Extent]:
    """By braces in the first column, as our C is laid out."""
    opened = 0
    for number, line in enumerate(source.splitlines(), start=1):
        if line.startswith("{"):
            opened = number
        elif line.startswith("}") and opened:
            yield opened, number - opened + 1
            opened = 0


def test_the_length_of_a_cython_function_is_measured() -> None:
    source = "cdef int f(\n    int a,\n) except -1:\n\n    return a\n\n\ndef g():\n    pass\n"
    assert list(cython_functions(source)) == [(1, 5), (8, 2)]
