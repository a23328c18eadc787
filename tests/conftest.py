"""What every test may use.

Fixtures live in plugins named `fix_*.py` beside this file, one for each thing that tests need; they
are found here, so that adding one is adding a file.
"""

from pathlib import Path

pytest_plugins = sorted(path.stem for path in Path(__file__).parent.glob("fix_*.py"))
