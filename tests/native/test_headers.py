"""One source builds against every release: judged by the compiler, with each release's headers.

The installed headers are always tried. HPCAGENT_TEST_SLURM_HEADERS names directories of others,
separated by colons, each of which holds slurm/slurm.h as SLURM_INCLUDE_DIR would.
"""

import contextlib
import os
import subprocess
import sysconfig
from pathlib import Path
from types import ModuleType

import pytest
import tree
from Cython.Build import cythonize

VARIABLE = "HPCAGENT_TEST_SLURM_HEADERS"
NONE_NAMED = f"{VARIABLE} names no headers of other Slurm releases"
OTHERS = [path for path in os.environ.get(VARIABLE, "").split(":") if path]


@pytest.fixture(scope="module")
def translated(setup: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Every extension module's C source."""
    directory = tmp_path_factory.mktemp("translated")
    with contextlib.chdir(tree.ROOT):
        extensions = cythonize(  # type: ignore[no-untyped-call]
            "_slurm/*.pyx",
            build_dir=str(directory),
            compiler_directives=setup.DIRECTIVES,
            force=True,
            quiet=True,
        )
    return [source for extension in extensions for source in extension.sources]


def preprocessed(include: list[str]) -> str:
    run = subprocess.run(
        ["cc", "-E", "-P", *include, "-xc", "-"],
        input="#include <slurm/slurm.h>\n#include <slurm/slurmdb.h>\n",
        capture_output=True,
        text=True,
        check=True,
    )
    return run.stdout


def compile_all(setup: ModuleType, sources: list[str], headers: list[str], work: Path) -> None:
    """Judge every source with these headers; CalledProcessError for an error or a warning."""
    (work / "members_gen.h").write_text(setup.tables(preprocessed(headers)))
    python = sysconfig.get_path("include")
    include = [*headers, f"-I{tree.ROOT / '_slurm'}", f"-I{work}", f"-isystem{python}"]
    compiler = ["cc", "-fsyntax-only", "-Wall", "-Werror", "-Wno-unused", "-D_GNU_SOURCE"]
    subprocess.run([*compiler, *include, *sources], check=True)


def test_all_modules_compile_with_the_installed_headers(
    setup: ModuleType, translated: list[str], tmp_path: Path
) -> None:
    compile_all(setup, translated, [], tmp_path)


@pytest.mark.skipif(not OTHERS, reason=NONE_NAMED)
@pytest.mark.parametrize("directory", OTHERS)
def test_all_modules_compile_with_another_releases_headers(
    setup: ModuleType, translated: list[str], tmp_path: Path, directory: str
) -> None:
    compile_all(setup, translated, [f"-I{directory}"], tmp_path)


def test_a_member_that_moved_keeps_its_name(setup: ModuleType) -> None:
    header = "typedef struct { char *name; slurm_step_id_t step_id; } job_desc_msg_t;"
    others = "".join(f"typedef struct {{ int x; }} {name};" for name in setup.TABLES)
    rows = setup.tables(header + others)
    assert "MEMBER_AT(job_desc_msg_t, job_id, step_id.job_id)" in rows


def test_members_are_found_in_every_way_of_declaring_them(setup: ModuleType) -> None:
    header = """
    typedef struct other { int not_ours; } other_t;
    typedef struct wanted {
        uint32_t plain; char **pointer; struct tag *tagged;
        struct { int inner; } nested; char array[16]; unsigned int spaced ;
    } wanted_t;
    """
    names = list(setup.members(header, "wanted_t"))
    assert names == ["plain", "pointer", "tagged", "nested", "array", "spaced"]


def test_a_header_that_is_no_slurms_is_refused(setup: ModuleType) -> None:
    with pytest.raises(setup.SetupError, match="defines no job_desc_msg_t"):
        setup.tables("typedef struct { int x; } something_t;")
