"""A store of Coppice, mounted: its commands as processes, and its server's API on a socket."""

import http.client
import json
import os
import socket
from urllib.parse import quote

from cluster import PROGRAMS
from workspace import attempts, run


class Refused(Exception):
    """The server answered with an error."""


class _Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("coppice", timeout=600)
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Coppice:
    """Forks are branches, and directories of the mount at once."""

    name = "Coppice"
    # A fork is on disk when its answer comes.
    is_durable = True

    def __init__(self, workspace, program, label="coppice"):
        self.program = program
        self.store = workspace.fresh(f"{label}.store")
        self.mount = workspace.directory(f"{label}.mount")
        self._environment = {"COPPICE_STORE": self.store}
        self._workspace = workspace
        self._connection = None
        self.command("init")
        self.start()
        self._undoing = workspace.defer(self._end)

    # The server

    def start(self):
        """Mounts; returns once it is."""
        # The user numbers are for `pg start`.
        self.command("mount", self.mount, "--pg-users", "310000-310199")
        self._connection = None

    def stop(self):
        """Unmounts and ends the server."""
        self._connection = None
        attempts(lambda: self.command("stop"), 20, 0.25)

    def _end(self):
        """As `stop`, also while a run that broke off has files open."""
        self._connection = None
        if os.path.ismount(self.mount):
            self.command("stop", "--force")

    def close(self):
        """Ends it for good."""
        self._workspace.undo(self._undoing)
        self._workspace.fresh(os.path.basename(self.store))

    def command(self, *words):
        """What a command printed."""
        return run([self.program, *words], self._environment)

    def request(self, method, path, body=None):
        """The answer to a request on a kept connection."""
        for _ in range(2):
            if self._connection is None:
                self._connection = self.connection()
            try:
                return self.ask(self._connection, method, path, body)
            except (http.client.RemoteDisconnected, ConnectionError):
                # The server closes connections on which nothing came for a while.
                self._connection = None
        raise Refused(f"{method} {path}: no answer")

    def connection(self):
        """A new connection. Answers to what takes long, and can be called off, end theirs."""
        return _Connection(f"{self.store}/control.sock")

    @staticmethod
    def ask(connection, method, path, body=None):
        """The answer to a request."""
        connection.request(
            method, path, None if body is None else json.dumps(body),
            {"Content-Type": "application/json"})
        answer = connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise Refused(f"{method} {path}: {content.decode(errors='replace')[:1000]}")
        return json.loads(content) if content else None

    def process_number(self):
        """Of the server."""
        with open(f"{self.store}/server.pid", encoding="ascii") as file:
            return int(file.read().split()[0])

    # A peer

    def prepare(self, base, source):
        """Has a directory as a branch that can be forked."""
        self.command("import", source, base)

    def fork(self, base, name):
        """Makes a fork and returns its directory."""
        self.request("POST", "/v1/branches", {"name": name, "from": base})
        return self.path(name)

    def fork_by_command(self, base, name):
        """As `fork`, by a process of its own as people do."""
        self.command("branch", "create", name, "--from", base)
        return self.path(name)

    def instance(self, base, name):
        """Makes a fork, starts a PostgreSQL on it, and returns its address."""
        answer = self.command("pg", "start", name, "--from", base, "--superuser", "--json")
        return json.loads(answer)["url"]

    @staticmethod
    def ask_instance(url, text):
        """What psql prints."""
        return run([f"{PROGRAMS}/psql", "-X", "-A", "-t", "-c", text, url])

    def path(self, name):
        """The directory of a branch."""
        return f"{self.mount}/{name}"

    def drop(self, name):
        """Deletes a fork for good."""
        self.ask(self.connection(), "DELETE", f"/v1/branches?names={quote(name)}&now=true")

    def delete(self, names):
        """Deletes forks; the next collection gives their space back."""
        words = "&".join(f"names={quote(name)}" for name in names)
        self.ask(self.connection(), "DELETE", f"/v1/branches?{words}")

    def collect(self):
        """Seals what is in memory, and reclaims what nothing refers to."""
        self.ask(self.connection(), "POST", "/v1/collections", {})

    def stored(self):
        """Bytes of all that is stored, after a collection: pages, nodes, names, directories, and
        what the journal still needs. Not its reserve, which is there from the beginning."""
        self.collect()
        numbers = self.request("GET", "/v1/stats")
        return numbers["storedByteCount"] + numbers["overlayByteCount"]

    def memory_path(self, name, path):
        """The file whose pages the kernel keeps when a fork's is read."""
        return f"{self.path(name)}/{path}"

    def release(self, name):
        """Lets go of a fork's directory; it stays."""
