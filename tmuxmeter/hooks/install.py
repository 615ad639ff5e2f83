"""Installing and uninstalling: what would change in each file, and doing it."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tmuxmeter import __version__
from tmuxmeter.hooks.files import Found, find, replace
from tmuxmeter.hooks.record import Installed, Records, digest
from tmuxmeter.hooks.settings import ROOT, SettingsError, added, complete, removed
from tmuxmeter.hooks.values import HOOKS, STATUS_LINE

if TYPE_CHECKING:
    from tmuxmeter.hooks.targets import Target
    from tmuxmeter.hooks.wanted import Program

PLUGIN_MARK: Final = "// tmuxmeter's plugin for OpenCode"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to become of one file; nothing where ``content`` is what it holds already.

    ``content`` None deletes it. ``entry`` is what is written down about it then, None: forget it.
    """

    target: Target
    found: Found
    content: bytes | None
    entry: Installed | None
    base: bytes | None = None

    @property
    def changes(self) -> bool:
        """Whether anything is to be done."""
        return self.content != self.found.content


class Installer:
    """Puts hooks into settings and takes them out.

    Parameters
    ----------
    program : Program
        What the hooks run.
    plugin : str
        The text of the plugin for OpenCode.
    records : Records
        What was installed before.
    """

    def __init__(self, program: Program, plugin: str, records: Records) -> None:
        self.program = program
        self.records = records
        runtime = f"const RUNTIME = {json.dumps(str(program.runtime))}"
        self._plugin = plugin.replace('const RUNTIME = ""', runtime, 1)

    def install(self, target: Target) -> Plan:
        """Return what installing would do to a file.

        Raises
        ------
        SettingsError
            The file must be left alone.
        """
        found = find(target.file)
        known = self.records.all().get(str(found.path))
        if target.agent == "opencode":
            return self._install_plugin(target, found)
        text = found.text
        if found.content is not None and complete(text, target.agent, self.program):
            return Plan(target, found, found.content, known)
        base = self._before(target, found, known)
        base_text = (base or b"").decode()
        change = added(base_text, target.agent, self.program)
        content = change.text.encode()
        folder_made = known.folder_made if known else not target.file.parent.exists()
        entry = Installed(
            agent=target.agent,
            file=str(found.path),
            before="" if base is None else digest(base),
            after=digest(content),
            backup="",
            made=change.made,
            status_line=change.status_line,
            folder_made=folder_made,
            version=__version__,
        )
        return Plan(target, found, content, entry, base)

    def uninstall(self, target: Target) -> Plan:
        """Return what uninstalling would do to a file.

        Raises
        ------
        SettingsError
            The file must be left alone.
        """
        found = find(target.file)
        if target.agent == "opencode":
            ours = found.content is not None and found.text.startswith(PLUGIN_MARK)
            return Plan(target, found, None if ours else found.content, None)
        known = self.records.all().get(str(found.path))
        return Plan(target, found, self._before(target, found, known), None)

    def carry_out(self, plan: Plan, now_ms: int) -> None:
        """Change the file, keeping a copy of what it was and a record of what was done.

        Raises
        ------
        SettingsError
            The file changed meanwhile.
        FolderError, OSError
            Something can't be written; the file is as it was.
        """
        file = str(plan.found.path)
        known = self.records.all().get(file)
        backup = ""
        if plan.found.content is not None:
            backup = self.records.keep(plan.target.agent, plan.found.content, now_ms)
        entry = plan.entry
        if entry is not None:
            if plan.base is None:
                backup = ""
            elif plan.base != plan.found.content:
                same = known is not None and known.before == entry.before
                kept = known.backup if known is not None and same else ""
                backup = kept or self.records.keep(plan.target.agent, plan.base, now_ms)
            self.records.put(dataclasses.replace(entry, backup=backup))
        with contextlib.suppress(FileExistsError):
            plan.found.path.parent.mkdir(mode=0o700)
        replace(plan.found, plan.content)
        if entry is None:
            self.records.drop(file)
            if plan.content is None and known is not None and known.folder_made:
                with contextlib.suppress(OSError):
                    plan.found.path.parent.rmdir()

    def _install_plugin(self, target: Target, found: Found) -> Plan:
        if found.content is not None and not found.text.startswith(PLUGIN_MARK):
            msg = "line 1: it is not ours"
            raise SettingsError(msg)
        content = self._plugin.encode()
        entry = Installed(
            agent=target.agent,
            file=str(found.path),
            before="",
            after=digest(content),
            backup="",
            made=(ROOT,),
            status_line="",
            folder_made=not target.file.parent.exists(),
            version=__version__,
        )
        return Plan(target, found, content, entry)

    def _before(self, target: Target, found: Found, known: Installed | None) -> bytes | None:
        """Return the file without our hooks, to the byte if nothing else changed it."""
        if found.content is None:
            return None
        if known is not None and digest(found.content) == known.after:
            if not known.before:
                return None
            kept = self.records.backup(known.backup)
            if kept is not None and digest(kept) == known.before:
                return kept
        made = known.made if known else (HOOKS, STATUS_LINE)
        text = removed(found.text, target.agent, made, known.status_line if known else "")
        if not text and known is not None and not known.before:
            return None
        return text.encode()
