"""QCOW2 images with a backing file, each with the ext4 of its base on it.

The file system is mounted from a raw copy, as there is no block device of qemu here; each unit of
4 KiB that differs then goes to the fork's image through qemu-nbd, as a guest's writes would.
"""

import os
import shutil
import subprocess
import time

from workspace import CommandFailed, attempts, byte_count_of, run

try:
    import nbd
except ImportError:
    nbd = None

UNIT = 4096
BLOCK = 1 << 20


class Qcow2:
    """A fork is an image whose backing file is the base's."""

    name = "qcow2"
    program = "qemu-nbd"
    is_durable = False

    def __init__(self, workspace):
        if nbd is None:
            raise CommandFailed("there is no python3-libnbd")
        self._workspace = workspace
        self.directory = workspace.directory("qcow2")
        self._open = {}

    def close(self):
        """Unmounts and removes all."""
        for name in list(self._open):
            self.release(name)
        shutil.rmtree(self.directory)

    def prepare(self, base, source):
        """Makes a raw image with a copy of the directory."""
        byte_count = (3 * byte_count_of(source) // 2 + (256 << 20)) >> 20 << 20
        directory, undoing = self._workspace.image(
            f"qcow2/{base}", byte_count,
            ["mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0"])
        run(["cp", "-a", source, f"{directory}/data"])
        attempts(lambda: run(["umount", directory]), 40, 0.25)
        self._workspace.forget(undoing)

    def _image(self, name):
        return f"{self.directory}/{name}.qcow2"

    def make_image(self, base, name):
        """A fork that nobody has open."""
        run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", f"{self.directory}/{base}.image",
             "-F", "raw", self._image(name)])

    def fork(self, base, name):
        """Makes a fork and mounts what it shows."""
        self.make_image(base, name)
        place = f"{self.directory}/{name}"
        os.makedirs(f"{place}/mounted")
        run(["cp", "--sparse=always", f"{self.directory}/{base}.image", f"{place}/raw"])
        server = subprocess.Popen(
            ["qemu-nbd", "--socket", f"{place}/socket", "-f", "qcow2", "--persistent",
             "--cache=writeback", self._image(name)])
        client = nbd.NBD()

        def undo():
            try:
                if os.path.ismount(f"{place}/mounted"):
                    attempts(lambda: run(["umount", f"{place}/mounted"]), 40, 0.25)
            finally:
                server.terminate()
                server.wait(60)

        self._open[name] = (client, self._workspace.defer(undo))
        _wait(lambda: os.path.exists(f"{place}/socket"))
        client.connect_unix(f"{place}/socket")
        run(["mount", "-o", "loop,noatime", f"{place}/raw", f"{place}/mounted"])
        return self.path(name)

    fork_by_command = fork

    def path(self, name):
        """The directory of a fork."""
        return f"{self.directory}/{name}/mounted/data"

    def release(self, name):
        """Unmounts a fork; its image stays."""
        if name in self._open:
            client, undoing = self._open.pop(name)
            client.shutdown()
            self._workspace.undo(undoing)

    def drop(self, name):
        """Unmounts a fork and removes its image."""
        self.release(name)
        os.remove(self._image(name))
        shutil.rmtree(f"{self.directory}/{name}", ignore_errors=True)

    def stored(self):
        """Bytes on disk of the forks' images."""
        for name, (client, _) in self._open.items():
            run(["sync", "-f", self.path(name)])
            _bring_up_to_date(client, f"{self.directory}/{name}/raw")
        os.sync()
        return sum(
            os.stat(f"{self.directory}/{name}").st_blocks * 512
            for name in os.listdir(self.directory) if name.endswith(".qcow2"))


def _bring_up_to_date(client, raw):
    """Writes what an image has otherwise than the file."""
    with open(raw, "rb", buffering=0) as file:
        byte_count = os.fstat(file.fileno()).st_size
        for offset in range(0, byte_count, BLOCK):
            wanted = os.pread(file.fileno(), BLOCK, offset)
            found = bytes(client.pread(len(wanted), offset))
            if wanted == found:
                continue
            for start in range(0, len(wanted), UNIT):
                unit = wanted[start:start + UNIT]
                if unit != found[start:start + UNIT]:
                    client.pwrite(unit, offset + start)
    client.flush()


def _wait(is_there):
    for _ in range(400):
        if is_there():
            return
        time.sleep(0.025)
    raise CommandFailed("no image is served")
