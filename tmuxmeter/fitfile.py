"""The file that keeps the user's own fit: in the state folder, apart from the configuration."""

from __future__ import annotations

import contextlib
import json
import os
from typing import TYPE_CHECKING

from tmuxmeter.breakeven.stored import kept, to_keep
from tmuxmeter.errors import FolderError
from tmuxmeter.paths import private_folder

if TYPE_CHECKING:
    from pathlib import Path

    from tmuxmeter.breakeven.estimates import Fit

NAME = "calibration.json"


def read_fit(state: Path) -> tuple[Fit | None, str]:
    """Return the fit in force and "", None where there is none; where it can't be read, why.

    Parameters
    ----------
    state : Path
        The state folder.
    """
    path = state / NAME
    try:
        return kept(json.loads(path.read_bytes())), ""
    except FileNotFoundError:
        return None, ""
    except OSError as error:
        return None, f"{path}: can't be read: {error.strerror or error}"
    except (ValueError, RecursionError) as error:
        hint = "`tmuxmeter calibrate --reset` removes it"
        return None, f"{path}: not a calibration this tmuxmeter reads ({error}); {hint}"


def write_fit(state: Path, fit: Fit) -> Path:
    """Put a fit in force; the file is replaced whole. Return its path.

    Raises
    ------
    FolderError
        The state folder can't be written.
    """
    path = private_folder(state) / NAME
    new = path.with_name(f"{NAME}.{os.getpid()}")
    try:
        new.write_text(json.dumps(to_keep(fit)))
        new.chmod(0o600)
        new.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            new.unlink()
        msg = f"can't write {path}: {error.strerror or error}"
        raise FolderError(msg) from error
    return path


def remove_fit(state: Path) -> bool:
    """Take the fit out of force; return whether there was one.

    Raises
    ------
    FolderError
        It can't be removed.
    """
    path = state / NAME
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        msg = f"can't remove {path}: {error.strerror or error}"
        raise FolderError(msg) from error
    return True
