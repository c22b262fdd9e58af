"""QCOW2 images with a backing file, each with the ext4 of its base on it."""

import os
import shutil
import subprocess
import time

from workspace import CommandFailed, attempts, byte_count_of, run


class Qcow2:
    """A fork is an image whose backing file is the base's; qemu-nbd and nbdfuse show it, and
    a loop device mounts what is shown."""

    name = "qcow2"
    program = "qemu-nbd"
    is_durable = False

    def __init__(self, workspace):
        self._workspace = workspace
        self.directory = workspace.directory("qcow2")
        self._undoings = {}

    def close(self):
        """Unmounts and removes all."""
        for name in list(self._undoings):
            self.release(name)
        shutil.rmtree(self.directory)

    def prepare(self, base, source):
        """Makes a raw image with a copy of the directory."""
        byte_count = (2 * byte_count_of(source) + (512 << 20)) >> 20 << 20
        directory, undoing = self._workspace.image(
            f"qcow2/{base}", byte_count,
            ["mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0"])
        run(["cp", "-a", source, f"{directory}/data"])
        run(["umount", directory])
        self._workspace.forget(undoing)

    def image_path(self, name):
        """The file of a fork."""
        return f"{self.directory}/{name}.qcow2"

    def make_image(self, base, name):
        """A fork that is not mounted."""
        run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", f"{self.directory}/{base}.image",
             "-F", "raw", self.image_path(name)])

    def fork(self, base, name):
        """Makes a fork and mounts it."""
        self.make_image(base, name)
        place = f"{self.directory}/{name}"
        os.makedirs(f"{place}/nbd")
        os.makedirs(f"{place}/mounted")
        address = f"{place}/socket"
        server = subprocess.Popen(
            ["qemu-nbd", "--socket", address, "-f", "qcow2", "--persistent", "--cache=writeback",
             "--discard=unmap", self.image_path(name)])
        shower = None

        def undo():
            try:
                if os.path.ismount(f"{place}/mounted"):
                    attempts(lambda: run(["umount", f"{place}/mounted"]), 40, 0.25)
                if shower is not None:
                    # The kernel lets go of the loop device in its own time.
                    attempts(lambda: run(["fusermount3", "-u", f"{place}/nbd"]), 240, 0.25)
                    shower.wait(60)
            finally:
                server.terminate()
                server.wait(60)

        self._undoings[name] = self._workspace.defer(undo)
        _wait(lambda: os.path.exists(address))
        shower = subprocess.Popen(["nbdfuse", f"{place}/nbd", f"nbd+unix:///?socket={address}"])
        _wait(lambda: os.path.exists(f"{place}/nbd/nbd"))
        run(["mount", "-o", "loop,noatime", f"{place}/nbd/nbd", f"{place}/mounted"])
        return self.path(name)

    fork_by_command = fork

    def path(self, name):
        """The directory of a fork."""
        return f"{self.directory}/{name}/mounted/data"

    def release(self, name):
        """Unmounts a fork; its image stays."""
        if name in self._undoings:
            self._workspace.undo(self._undoings.pop(name))

    def drop(self, name):
        """Unmounts a fork and removes its image."""
        self.release(name)
        os.remove(self.image_path(name))
        shutil.rmtree(f"{self.directory}/{name}", ignore_errors=True)

    def stored(self):
        """Bytes on disk of the forks' images."""
        for name in self._undoings:
            run(["sync", "-f", self.path(name)])
        os.sync()
        return sum(
            os.stat(f"{self.directory}/{name}").st_blocks * 512
            for name in os.listdir(self.directory) if name.endswith(".qcow2"))


def _wait(is_there):
    for _ in range(400):
        if is_there():
            return
        time.sleep(0.025)
    raise CommandFailed("no image is shown")
