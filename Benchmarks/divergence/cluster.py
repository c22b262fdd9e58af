"""PostgreSQL servers of a run: on any directory, with PostgreSQL's defaults or an instance's."""

import os
import shlex
import subprocess

from workspace import run

PROGRAMS = "/usr/lib/postgresql/15/bin"
DATABASE = "shop"

# What is the same for all, so that a run can be repeated: no vacuum by itself, no TCP.
COMMON = {"autovacuum": "off", "listen_addresses": "", "max_connections": "50"}

SETTINGS = {
    "defaults": {},
    # What servers have that Coppice starts on branches.
    "instance": {
        "shared_buffers": "64MB", "wal_recycle": "off", "wal_init_zero": "off",
        "wal_compression": "off", "min_wal_size": "32MB", "max_wal_size": "256MB",
        "checkpoint_timeout": "30min",
    },
    # For making data only.
    "loading": {
        "fsync": "off", "full_page_writes": "off", "maintenance_work_mem": "256MB",
        "wal_recycle": "off", "min_wal_size": "32MB", "max_wal_size": "1GB",
        "wal_level": "minimal", "max_wal_senders": "0",
    },
}


def as_postgres(command):
    """The command, as the user that PostgreSQL's programs want."""
    return [
        "setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "env", "-C", "/",
        "HOME=/tmp", f"{PROGRAMS}/{command[0]}",
    ] + command[1:]


class Server:
    """A server on a data directory, with a socket in a directory of the run's."""

    def __init__(self, data, sockets, port, settings):
        self.data = data
        self.sockets = sockets
        self.port = port
        self.settings = {**COMMON, **SETTINGS[settings]}

    def make(self):
        """Makes the data directory, with checksums."""
        os.mkdir(self.data, 0o700)
        run(["chown", "postgres:", self.data])
        run(as_postgres(
            ["initdb", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-k", "-D", self.data]))

    def start(self):
        """Returns once it takes connections, after recovery if there is to be one."""
        pid_file = f"{self.data}/postmaster.pid"
        if os.path.exists(pid_file):
            os.remove(pid_file)
        words = [f"-p {self.port}", f"-c unix_socket_directories={self.sockets}"]
        words += [f"-c {name}={value}" for name, value in self.settings.items()]
        run(as_postgres([
            "pg_ctl", "-s", "-w", "-t", "300", "-D", self.data,
            "-l", f"{self.sockets}/log.{self.port}", "-o", " ".join(words), "start"]))

    def stop(self, mode="fast"):
        """Ends it if it runs."""
        if os.path.exists(f"{self.data}/postmaster.pid"):
            run(as_postgres(
                ["pg_ctl", "-s", "-w", "-t", "300", "-D", self.data, "-m", mode, "stop"]))

    def sql(self, text, database=DATABASE):
        """What the statements answer, each in its own transaction; the first failure ends it."""
        return run(as_postgres([
            "psql", "-q", "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", self.sockets,
            "-p", str(self.port), "-d", database]), stdin=text)

    def connection(self):
        """The arguments by which PostgreSQL's programs reach it."""
        return ["-h", self.sockets, "-p", str(self.port)]

    def pipe(self, first, second):
        """Two of PostgreSQL's programs, each on this server, one reading what the other writes."""
        commands = [
            as_postgres(command[:1] + self.connection() + command[1:])
            for command in (first, second)]
        run(["bash", "-c", "set -o pipefail; " + " | ".join(map(shlex.join, commands))])

    def load(self, script, client_count, seconds):
        """Starts clients that run a script of pgbench for some time at most."""
        return subprocess.Popen(
            as_postgres(["pgbench"] + self.connection() + [
                "-n", "-c", str(client_count), "-j", "1", "-T", str(seconds), "-f", script,
                DATABASE]),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def kinds(self):
        """The kind of each relation's file: path below the data directory, without its suffixes,
        to `heap` (tables, TOAST and catalogues) or `index`."""
        text = self.sql(
            "SELECT pg_relation_filepath(oid), relkind FROM pg_class"
            " WHERE relkind IN ('r', 't', 'm', 'i') AND pg_relation_filepath(oid) IS NOT NULL")
        kinds = {}
        for line in text.splitlines():
            path, kind = line.split("|")
            kinds[path] = "index" if kind == "i" else "heap"
        return kinds
