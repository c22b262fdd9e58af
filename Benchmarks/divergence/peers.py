"""What else makes a fork of a directory. All have the methods of `Coppice`."""

import fcntl
import os
import shutil
import struct

from workspace import attempts, disk_byte_count_of, run

GIB = 1 << 30


def used_byte_count(directory):
    """Bytes that a file system has in use, after all is written."""
    run(["sync", "-f", directory])
    status = os.statvfs(directory)
    return (status.f_blocks - status.f_bfree) * status.f_frsize


class Btrfs:
    """Snapshots of subvolumes, on a loop device; one copy of data and metadata."""

    name = "btrfs snapshot"
    program = "mkfs.btrfs"
    is_durable = True
    # From <linux/btrfs.h>: _IOW(0x94, 1, struct btrfs_ioctl_vol_args).
    _SNAP_CREATE = 0x50009401

    def __init__(self, workspace):
        self._workspace = workspace
        self.directory, self._undoing = workspace.image(
            "btrfs", 40 * GIB, ["mkfs.btrfs", "-q", "-m", "single", "-d", "single"])

    def close(self):
        """Unmounts it and removes it."""
        self._workspace.undo(self._undoing)

    def prepare(self, base, source):
        """Has a directory as a subvolume that can be forked."""
        run(["btrfs", "-q", "subvolume", "create", self.path(base)])
        run(["cp", "-a", f"{source}/.", self.path(base)])
        run(["sync", "-f", self.directory])

    def fork(self, base, name):
        """By a system call, and on disk when it returns, as forks of Coppice are."""
        self.fork_early(base, name)
        descriptor = os.open(self.directory, os.O_RDONLY)
        try:
            # BTRFS_IOC_SYNC
            fcntl.ioctl(descriptor, 0x9408)
        finally:
            os.close(descriptor)
        return self.path(name)

    def fork_early(self, base, name):
        """As `fork`; lost by a power cut in the next seconds."""
        source = os.open(self.path(base), os.O_RDONLY)
        target = os.open(self.directory, os.O_RDONLY)
        try:
            words = struct.pack("q4088s", source, name.encode())
            fcntl.ioctl(target, self._SNAP_CREATE, bytearray(words))
        finally:
            os.close(source)
            os.close(target)
        return self.path(name)

    def fork_by_command(self, base, name):
        """By the program that people use."""
        run(["btrfs", "-q", "subvolume", "snapshot", self.path(base), self.path(name)])
        return self.path(name)

    def path(self, name):
        """The directory of a fork."""
        return f"{self.directory}/{name}"

    def memory_path(self, name, path):
        """The file whose pages the kernel keeps when a fork's is read."""
        return f"{self.path(name)}/{path}"

    def release(self, name):
        """Lets go of a fork's directory; it stays."""

    def drop(self, name):
        """Deletes a fork and waits until its space is back."""
        run(["btrfs", "-q", "subvolume", "delete", "--commit-after", self.path(name)])
        # Wakes the thread that gives the space back.
        run(["btrfs", "filesystem", "sync", self.directory])
        run(["btrfs", "-q", "subvolume", "sync", self.directory])

    def stored(self):
        """Bytes of data and metadata."""
        run(["btrfs", "filesystem", "sync", self.directory])
        lines = run(["btrfs", "filesystem", "df", "-b", self.directory]).splitlines()
        return sum(
            int(line.rsplit("used=", 1)[1]) for line in lines if "GlobalReserve" not in line)


class Reflink:
    """Copies of a directory on XFS whose files share their blocks."""

    name = "reflink copy (XFS)"
    program = "mkfs.xfs"
    is_durable = False

    def __init__(self, workspace):
        self._workspace = workspace
        self.directory, self._undoing = workspace.image(
            "xfs", 40 * GIB, ["mkfs.xfs", "-q", "-m", "reflink=1"])

    def close(self):
        """Unmounts it and removes it."""
        self._workspace.undo(self._undoing)

    def prepare(self, base, source):
        """Has a directory as one that can be forked."""
        run(["cp", "-a", "--reflink=never", source, self.path(base)])
        run(["sync", "-f", self.directory])

    def fork(self, base, name):
        """By a copy whose blocks are shared."""
        run(["cp", "-a", "--reflink=always", self.path(base), self.path(name)])
        return self.path(name)

    fork_by_command = fork

    def path(self, name):
        """The directory of a fork."""
        return f"{self.directory}/{name}"

    def memory_path(self, name, path):
        """The file whose pages the kernel keeps when a fork's is read."""
        return f"{self.path(name)}/{path}"

    def release(self, name):
        """Lets go of a fork's directory; it stays."""

    def drop(self, name):
        """Deletes a fork."""
        shutil.rmtree(self.path(name))

    def stored(self):
        """Bytes in use. The file system holds blocks for more writes to come, which it gives back
        when it becomes read-only."""
        for mode in ("ro", "rw"):
            run(["mount", "-o", f"remount,{mode}", self.directory])
        return used_byte_count(self.directory)


class Overlay:
    """Mounts of overlayfs above one directory."""

    name = "overlayfs"
    program = "mount"
    is_durable = False

    def __init__(self, workspace):
        self._workspace = workspace
        self.directory = workspace.directory("overlay")
        self._bases = {}
        self._undoings = {}

    def close(self):
        """Unmounts and removes all."""
        for name in list(self._undoings):
            self.release(name)
        shutil.rmtree(self.directory)

    def prepare(self, base, source):
        """Has a directory as one that can be forked."""
        self._bases[base] = f"{self.directory}/{base}.lower"
        run(["cp", "-a", source, self._bases[base]])

    def fork(self, base, name):
        """By a mount with an empty upper directory."""
        place = f"{self.directory}/{name}"
        for part in ("upper", "work", "merged"):
            os.makedirs(f"{place}/{part}")
        shutil.copystat(self._bases[base], f"{place}/upper")
        status = os.stat(self._bases[base])
        os.chown(f"{place}/upper", status.st_uid, status.st_gid)
        options = f"lowerdir={self._bases[base]},upperdir={place}/upper,workdir={place}/work"
        run(["mount", "-t", "overlay", "overlay", "-o", options, self.path(name)])

        def undo():
            attempts(lambda: run(["umount", self.path(name)]), 20, 0.25)

        self._undoings[name] = self._workspace.defer(undo)
        return self.path(name)

    fork_by_command = fork

    def path(self, name):
        """The directory of a fork."""
        return f"{self.directory}/{name}/merged"

    def memory_path(self, _, path):
        """The file below, as long as the fork has not changed it: all forks read that."""
        return f"{self._bases['base']}/{path}"

    def release(self, name):
        """Unmounts a fork; what it has stays."""
        if name in self._undoings:
            self._workspace.undo(self._undoings.pop(name))

    def drop(self, name):
        """Unmounts a fork and removes what it has."""
        self.release(name)
        shutil.rmtree(f"{self.directory}/{name}")

    def stored(self):
        """Bytes of the upper directories."""
        os.sync()
        return sum(
            disk_byte_count_of(f"{self.directory}/{name}/upper")
            for name in os.listdir(self.directory) if not name.endswith(".lower"))


class FullCopy:
    """Copies of a directory on ext4."""

    name = "full copy"
    program = "cp"
    is_durable = False

    def __init__(self, workspace):
        self.directory = workspace.directory("copies")
        self._bases = {}

    def close(self):
        """Removes all."""
        shutil.rmtree(self.directory)

    def prepare(self, base, source):
        """A copy needs no more than the directory."""
        self._bases[base] = source

    def fork(self, base, name):
        """By a copy of all bytes."""
        run(["cp", "-a", "--reflink=never", self._bases[base], self.path(name)])
        return self.path(name)

    fork_by_command = fork

    def path(self, name):
        """The directory of a fork."""
        return f"{self.directory}/{name}"

    def release(self, name):
        """Lets go of a fork's directory; it stays."""

    def drop(self, name):
        """Deletes a fork."""
        shutil.rmtree(self.path(name))

    def stored(self):
        """Bytes on disk of all copies."""
        os.sync()
        return disk_byte_count_of(self.directory)
