"""The place that a run works in, and what it must leave behind: nothing."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time


class CommandFailed(Exception):
    """A program ended with another status than 0."""


def run(command, environment=None, directory=None, stdin=None):
    """Runs a program to its end and returns what it printed."""
    merged = None if environment is None else {**os.environ, **environment}
    # Files, not pipes: a server that the program leaves behind may keep them open.
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        with tempfile.TemporaryFile() as given:
            given.write((stdin or "").encode())
            given.seek(0)
            status = subprocess.run(
                command, env=merged, cwd=directory, stdin=given, stdout=output, stderr=errors,
                check=False).returncode
        output.seek(0)
        if status != 0:
            errors.seek(0)
            text = errors.read()[-2000:].decode(errors="replace")
            raise CommandFailed(f"{' '.join(command)[:300]} ended with {status}: {text}")
        return output.read().decode(errors="replace")


def timed(body, *arguments):
    """Seconds that a call takes."""
    start = time.monotonic()
    body(*arguments)
    return time.monotonic() - start


def attempts(body, count, pause):
    """Calls until it fails no more: what was just closed may be busy for a moment."""
    for number in range(count):
        try:
            return body()
        except CommandFailed:
            if number + 1 == count:
                raise
            time.sleep(pause)
    return None


def drop_caches():
    """Empties the machine's page cache."""
    os.sync()
    with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as file:
        file.write("3\n")


def warm(directory):
    """Reads all files, so that all who read them later find them in memory."""
    for place, _, names in os.walk(directory):
        for name in names:
            path = os.path.join(place, name)
            if os.path.isfile(path):
                with open(path, "rb") as file:
                    while file.read(1 << 20):
                        pass


def byte_count_of(directory):
    """Bytes of the files below a directory."""
    return sum(status.st_size for status in _file_statuses(directory))


def disk_byte_count_of(directory):
    """Bytes that the files below a directory take on disk."""
    return sum(status.st_blocks * 512 for status in _file_statuses(directory))


def _file_statuses(directory):
    for place, _, names in os.walk(directory):
        for name in names:
            path = os.path.join(place, name)
            if os.path.isfile(path) and not os.path.islink(path):
                yield os.lstat(path)


def _end(number, _):
    print(f"ended by {signal.Signals(number).name}", file=sys.stderr)
    sys.exit(128 + number)


class Workspace:
    """A directory, and what is to be undone before it is removed, last thing first.

    With `with`; an end by a signal undoes everything too.
    """

    def __init__(self):
        base = os.environ.get("COPPICE_BENCH_DIRECTORY", "/var/tmp")
        self.path = tempfile.mkdtemp(prefix="coppice-divergence.", dir=base)
        # PostgreSQL works below it as another user.
        os.chmod(self.path, 0o755)
        self._undoings = []

    def __enter__(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # Who starts it in the background has it not see those of the terminal.
            if signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, _end)
        return self

    def __exit__(self, *_):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        while self._undoings:
            self._undo(self._undoings.pop())
        if not self._mounts():
            shutil.rmtree(self.path, ignore_errors=True)

    def _undo(self, undoing):
        try:
            undoing()
        except (CommandFailed, OSError, subprocess.SubprocessError) as error:
            print(f"cleaning up: {error}", file=sys.stderr)

    def _mounts(self):
        """Mounts below the directory: removing it would empty what they show."""
        with open("/proc/self/mounts", encoding="utf-8") as file:
            found = [line.split()[1] for line in file if f" {self.path}/" in line]
        if found:
            print(f"still mounted, so not removed: {' '.join(found)}", file=sys.stderr)
        return found

    @contextlib.contextmanager
    def part(self):
        """What is deferred within is undone at its end."""
        count = len(self._undoings)
        try:
            yield
        finally:
            while len(self._undoings) > count:
                self._undo(self._undoings.pop())

    def defer(self, undoing):
        """Has it called at the end unless `undo` does before."""
        self._undoings.append(undoing)
        return undoing

    def forget(self, undoing):
        """Has it not called."""
        self._undoings.remove(undoing)

    def undo(self, undoing):
        """Calls what was deferred now."""
        self._undoings.remove(undoing)
        undoing()

    def fresh(self, name):
        """A path below the directory where nothing is."""
        path = os.path.join(self.path, name)
        if os.path.isdir(path):
            shutil.rmtree(path)
        elif os.path.exists(path):
            os.remove(path)
        return path

    def directory(self, name):
        """A new directory below this one."""
        path = self.fresh(name)
        os.mkdir(path)
        return path

    def image(self, name, byte_count, make):
        """Makes a file system in a file and mounts it; returns its directory and its undoing."""
        image = self.fresh(f"{name}.image")
        directory = self.directory(name)
        run(["truncate", "-s", str(byte_count), image])
        run(make + [image])
        run(["mount", "-o", "loop,noatime", image, directory])

        def undo():
            attempts(lambda: run(["umount", directory]), 20, 0.25)
            os.remove(image)

        return directory, self.defer(undo)
