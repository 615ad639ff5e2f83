"""Print a dependency group of pyproject.toml for pip releases that don't know ``--group`` yet."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8"))
print("\n".join(project["dependency-groups"][sys.argv[1]]))
