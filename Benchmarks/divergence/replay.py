"""What differs between two states of a data directory, and its replay on a fork of the first.

All peers get the same: one write of 8 KiB for each page that changed, as PostgreSQL makes them, new
files, removed files, and renamed files of the log. So they store the same change, once.
"""

import os

PAGE = 8192
EXTENT = 4096
KINDS = ("heap", "index", "wal", "metadata")


class FileChange:
    """What became of one file."""

    def __init__(self, path, kind, origin):
        self.path = path
        self.kind = kind
        # Where the fork has the file's old content; nothing for a new file.
        self.origin = origin
        self.byte_count = 0
        self.offsets = []
        self.extent_count = 0


class Difference:
    """From `before` to `after`."""

    def __init__(self, before, after, relation_kinds, renamed):
        self.after = after
        self.changes = []
        old = _files(before)
        new = _files(after)
        used = set()
        for path in sorted(new):
            origin = renamed.get(path, path if path in old else None)
            change = FileChange(path, _kind(path, relation_kinds), origin)
            _compare(f"{before}/{origin}" if origin else None, f"{after}/{path}", change)
            if origin is None or origin != path or change.offsets or change.byte_count != old[path]:
                self.changes.append(change)
            used.add(origin)
        self.removed = [(path, _kind(path, relation_kinds)) for path in old if path not in used]

    def page_count(self, kind=None):
        """Pages that differ."""
        return sum(len(change.offsets) for change in self._of(kind))

    def extent_byte_count(self, kind=None):
        """Bytes of all units of 4 KiB that differ."""
        return sum(change.extent_count for change in self._of(kind)) * EXTENT

    def _of(self, kind):
        return [change for change in self.changes if kind in (None, change.kind)]

    def replay(self, target, kind):
        """Makes the fork at `target` have what changed of one kind."""
        for path, its_kind in self.removed:
            if its_kind == kind:
                os.remove(f"{target}/{path}")
        changes = self._of(kind)
        for change in changes:
            if change.origin not in (None, change.path):
                # Two files may have changed places: through names that nothing has.
                os.rename(f"{target}/{change.origin}", f"{target}/{change.path}.replayed")
        for change in changes:
            if change.origin not in (None, change.path):
                os.rename(f"{target}/{change.path}.replayed", f"{target}/{change.path}")
        for change in changes:
            self._write(change, f"{target}/{change.path}")

    def _write(self, change, path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        source = os.open(f"{self.after}/{change.path}", os.O_RDONLY)
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            status = os.fstat(source)
            for offset in change.offsets:
                os.pwrite(file, os.pread(source, PAGE, offset), offset)
            if os.fstat(file).st_size != change.byte_count:
                os.ftruncate(file, change.byte_count)
            os.fchown(file, status.st_uid, status.st_gid)
            os.fsync(file)
        finally:
            os.close(file)
            os.close(source)


def verify(after, fork):
    """Fails unless the fork has just the files and bytes of `after`."""
    expected = _files(after)
    found = _files(fork)
    if expected != found:
        names = sorted(set(expected.items()) ^ set(found.items()))[:5]
        raise AssertionError(f"{fork} is not {after}: {names}")
    for path in expected:
        with open(f"{after}/{path}", "rb") as one, open(f"{fork}/{path}", "rb") as other:
            while True:
                piece = one.read(1 << 20)
                if piece != other.read(1 << 20):
                    raise AssertionError(f"{fork}/{path} differs from {after}/{path}")
                if not piece:
                    break


def _files(directory):
    """Paths below the directory, and sizes."""
    found = {}
    for place, _, names in os.walk(directory):
        for name in names:
            path = os.path.join(place, name)
            found[os.path.relpath(path, directory)] = os.lstat(path).st_size
    return found


def inodes(directory):
    """The files of the log by their inodes: a server may rename them."""
    return {
        os.lstat(f"{directory}/{path}").st_ino: path for path in _files(directory)
        if path.startswith("pg_wal/0")}


def renamed(old_inodes, directory):
    """New names of the log's files to what they were called before."""
    names = {}
    for inode, path in inodes(directory).items():
        if old_inodes.get(inode, path) != path:
            names[path] = old_inodes[inode]
    return names


def _kind(path, relation_kinds):
    if path.startswith("pg_wal/"):
        return "wal"
    return relation_kinds.get(path.split(".")[0], "metadata")


def _compare(old_path, new_path, change):
    with open(new_path, "rb") as file:
        status = os.fstat(file.fileno())
        new = file.read()
    old = b""
    if old_path is not None:
        with open(old_path, "rb") as file:
            old = file.read()
    change.byte_count = len(new)
    is_sparse = status.st_blocks * 512 < len(new)
    for offset in range(0, len(new), PAGE):
        page = new[offset:offset + PAGE]
        if page == old[offset:offset + PAGE]:
            continue
        # What nobody wrote has no page.
        if is_sparse and offset >= len(old) and not any(page):
            continue
        change.offsets.append(offset)
        for start in range(offset, min(offset + PAGE, len(new)), EXTENT):
            if new[start:start + EXTENT] != old[start:start + EXTENT]:
                change.extent_count += 1
