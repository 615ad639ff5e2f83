"""Which file systems tell of changes made elsewhere: network and pass-through ones don't."""

from __future__ import annotations

import os
import re

_SILENT = frozenset(
    (
        *("9p", "afs", "afpfs", "beegfs", "ceph", "cifs", "coda", "drvfs", "gfs2", "glusterfs"),
        *("lustre", "ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "prl_fs", "smb2", "smb3"),
        *("smbfs", "vboxsf", "virtiofs", "vmhgfs"),
    )
)


def file_system(path: str, mounts: str) -> str:
    """Return the type of the file system that holds ``path``, "" where it isn't known.

    Parameters
    ----------
    path : str
        Existing or not; links are followed.
    mounts : str
        The content of ``/proc/self/mounts``, "" where there is none.
    """
    real = os.path.realpath(path) + "/"
    longest, kind = "", ""
    for row in mounts.splitlines():
        columns = row.split(" ")
        if len(columns) < 3:
            continue
        folder = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), columns[1])
        place = folder.rstrip("/") + "/"
        # Of two mounts on one place the later one is on top.
        if real.startswith(place) and len(place) >= len(longest):
            longest, kind = place, columns[2]
    return kind


def is_silent(kind: str) -> bool:
    """Tell whether this type of file system gives no events of what others change in it."""
    return kind in _SILENT or kind.startswith("fuse.")
