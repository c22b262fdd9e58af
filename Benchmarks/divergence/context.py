"""What all parts of a run have: the workspace, the data, the programs, and the peers there are."""

import os
import shutil

from archives import Borg, Restic
from cluster import Server
from content import Content
from coppice import Coppice
from peers import Btrfs, FullCopy, Overlay, Reflink
from qcow2 import Qcow2
from workspace import CommandFailed, byte_count_of, run

# Rows of tables, in multiples of content.ROW_COUNTS, and what is done how often.
SCALES = {
    "tiny": {
        "rows": 0.05, "branches": (1, 20, 200), "samples": 20, "slow_samples": 3, "rounds": 1,
        "diverged": 5, "depth_reads": 200, "open_branches": 10, "all_defaults": False},
    "small": {
        "rows": 1, "branches": (1, 100, 10_000), "samples": 200, "slow_samples": 5, "rounds": 3,
        "diverged": 100, "depth_reads": 2000, "open_branches": 100,
        "all_defaults": False},
    "large": {
        "rows": 8, "branches": (1, 100, 10_000), "samples": 1000, "slow_samples": 10, "rounds": 5,
        "diverged": 100, "depth_reads": 20_000, "open_branches": 100,
        "all_defaults": True},
}


class Context:
    """One run."""

    def __init__(self, workspace, results, options):
        self.workspace = workspace
        self.results = results
        self.program = options.program
        self.seed = options.seed
        self.scale = SCALES[options.scale]
        self.content = Content(options.seed, self.scale["rows"])
        self.sockets = workspace.directory("sockets")
        os.chmod(self.sockets, 0o777)
        self._bases = {}
        self._port = 54_400

    def server(self, data, settings):
        """A server on a data directory, which the end of the run ends if nobody did."""
        self._port = 54_400 + (self._port + 1) % 90
        server = Server(data, self.sockets, self._port, settings)
        self.workspace.defer(lambda: server.stop("immediate"))
        return server

    # Data

    def base(self, name):
        """A cleanly stopped data directory: `base`, freshly loaded and vacuumed; `aged`, the same
        with rows updated and deleted since."""
        if name not in self._bases:
            self._bases[name] = self._make_base() if name == "base" else self._age()
            self.results.input(f"bytes of {name}", byte_count_of(self._bases[name]))
        return self._bases[name]

    def _make_base(self):
        # PostgreSQL's user makes it.
        place = self.workspace.directory("clusters")
        run(["chown", "postgres:", place])
        server = self.server(f"{place}/base", "loading")
        server.make()
        server.start()
        server.sql("CREATE DATABASE shop", "postgres")
        self.content.load(server)
        server.stop()
        self.results.input("rows", self.content.counts)
        return server.data

    def _age(self):
        data = self.copy("base", "aged")
        server = self.server(data, "instance")
        server.start()
        text, count = self.content.age()
        server.sql(text + "\nCHECKPOINT;")
        server.stop()
        self.results.input("rows changed to age it", count)
        return data

    def copy(self, base, name):
        """A copy of a base."""
        source = self.base(base)
        target = os.path.join(os.path.dirname(source), name)
        if os.path.exists(target):
            shutil.rmtree(target)
        run(["cp", "-a", source, target])
        return target

    # Peers

    def coppice(self, label="coppice"):
        """A store of its own."""
        return Coppice(self.workspace, self.program, label)

    def file_peers(self, part, *kinds):
        """Those of the peers that are there; the others are reported."""
        found = []
        for kind in kinds or (Btrfs, Reflink, Overlay, Qcow2, FullCopy):
            if self._has(part, kind):
                try:
                    found.append(kind(self.workspace))
                except (CommandFailed, OSError) as error:
                    self.results.miss(part, kind.name, str(error)[:300])
        return found

    def archives(self, part, label=""):
        """restic and borg, as far as they are there."""
        return [
            kind(self.workspace, label) for kind in (Restic, Borg) if self._has(part, kind)]

    def _has(self, part, kind):
        if shutil.which(kind.program) is None:
            self.results.miss(part, kind.name, f"there is no {kind.program}")
            return False
        return True
