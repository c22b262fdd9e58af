"""Part `transfer`: a cluster in, the same changed, and out again, against restic and borg."""

import os
import shutil

from replay import verify
from workspace import run, timed, warm

PART = "transfer"


class Commands:
    """Coppice's commands without a server, as an archive."""

    name = "Coppice"

    def __init__(self, context):
        self.repository = context.workspace.fresh("transfer.store")
        self._program = context.program
        self._run("init")

    def _run(self, *words):
        run([self._program, *words], {"COPPICE_STORE": self.repository})

    def keep(self, directory, name):
        """Imports the directory; what changed is a fork of what was."""
        if name == "after":
            self._run("branch", "create", name, "--from", "base")
            self._run("import", directory, name, "--replace")
        else:
            self._run("import", directory, name)

    def restore(self, name, target):
        """Exports a branch to a new directory."""
        self._run("export", name, target)


def measure(context):
    """Each in turn, from a new repository each time."""
    base = context.base("base")
    aged = context.base("aged")
    samples = {}
    for number in range(context.scale["rounds"]):
        archives = [Commands(context)] + context.archives(PART, f".transfer{number}")
        for item, directory, name in (("import", base, "base"), ("import of changes", aged,
                                                                "after")):
            warm(directory)
            for archive in archives:
                _add(samples, item, archive, timed(archive.keep, directory, name))
        target = context.workspace.fresh("exported")
        for archive in archives:
            os.sync()
            _add(samples, "export", archive, timed(archive.restore, "base", target))
            verify(base, target)
            shutil.rmtree(target)
        for archive in archives:
            shutil.rmtree(archive.repository)
    for (item, name), seconds in samples.items():
        context.results.add(PART, item, name, "seconds", seconds)


def _add(samples, item, archive, seconds):
    samples.setdefault((item, archive.name), []).append(seconds)
