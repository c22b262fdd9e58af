"""Part `stored`: bytes stored for each kind of change, by kind of file and by peer."""

import os

from archives import Growth
from content import CHANGE_SHARES
from peers import Btrfs, FullCopy, Overlay, Reflink
from qcow2 import Qcow2
from replay import KINDS, Difference, inodes, renamed, verify
from results import show
from workspace import byte_count_of, disk_byte_count_of

PART = "stored"
PROFILES = ("defaults", "instance")


class Change:
    """SQL that changes a base, and how many rows it changes or adds; none when that is no
    measure of it."""

    def __init__(self, base, pattern, share, make):
        self.base = base
        self.pattern = pattern
        self.share = share
        self.make = make

    @property
    def name(self):
        """As reports call it."""
        return self.pattern if self.share is None else f"{self.pattern} {self.share:g} %"


def changes(content):
    """All of them."""
    found = []
    for pattern in ("uniform", "skewed", "append"):
        for share in CHANGE_SHARES:
            found.append(Change("base", pattern, share, _rows(content, pattern, share)))
    for base, pattern, text in (
            ("aged", "VACUUM", "VACUUM;"), ("aged", "VACUUM FULL", "VACUUM FULL;"),
            ("base", "CREATE INDEX", "CREATE INDEX ON events (kind, at);"
                                     "CREATE INDEX ON orders (receipt);")):
        found.append(Change(base, pattern, None, lambda salt, text=text: (text, None)))
    return found


def _rows(content, pattern, share):
    if pattern == "append":
        return lambda salt: content.append(share, salt)
    return lambda salt: content.update(pattern, share, salt)


def measure(context):
    """Makes each change once on a copy, by a server, and replays it on a fork of each peer."""
    context.base("aged")
    ours = context.coppice()
    peers = [ours] + context.file_peers(PART, Btrfs, Reflink, Overlay, Qcow2)
    growths = {}
    for base in ("base", "aged"):
        source = context.base(base)
        for peer in peers:
            peer.prepare(base, source)
        growths[base] = [
            Growth(archive, source) for archive in context.archives(PART, f".{base}")]
    for profile in PROFILES:
        for change in changes(context.content):
            if profile == "defaults" and not context.scale["all_defaults"] and (
                    change.pattern in ("skewed", "append") and change.share != 1):
                continue
            _measure_change(context, profile, change, peers, growths[change.base])
    for peer in peers:
        peer.close()


def _measure_change(context, profile, change, peers, growths):
    labels = {"profile": profile, "change": change.name}
    difference, row_count = _make(context, profile, change)
    after = difference.after

    def note(item, subject, unit, value, **more):
        context.results.note(PART, item, subject, unit, [value], **labels, **more)

    def say(subject, parts):
        said = ", ".join(f"{kind} {show(value, 'bytes')}" for kind, value in parts.items())
        context.results.say(f"{PART}: {change.name}, {profile}: {subject}: {said}")

    if row_count is not None:
        note("rows changed", "input", "rows", row_count)
    for kind in KINDS:
        note("pages changed", "input", "pages", difference.page_count(kind), kind=kind)
        note("bytes", "4 KiB extents, by arithmetic", "bytes", difference.extent_byte_count(kind),
             kind=kind)
    note("bytes of the whole", "input", "bytes", byte_count_of(after))
    context.results.say(
        f"{PART}: {change.name}, {profile}: {row_count} rows, "
        + ", ".join(f"{difference.page_count(kind)} {kind} pages" for kind in KINDS))
    for peer in peers:
        is_checked = change.name in ("uniform 1 %", "VACUUM FULL")
        parts = _replay(peer, change.base, difference, is_checked)
        say(peer.name, parts)
        for kind, value in parts.items():
            note("bytes", peer.name, "bytes", value, kind=kind)
    # The server worked on one.
    note("bytes", FullCopy.name, "bytes", disk_byte_count_of(after), kind="all")
    log = disk_byte_count_of(f"{after}/pg_wal")
    note("bytes", FullCopy.name, "bytes", disk_byte_count_of(after) - log, kind="all but wal")
    for growth in growths:
        # These tell no kinds of files apart: once more without the log.
        parts = {"all": growth.added(after), "all but wal": growth.added(after, "pg_wal")}
        say(growth.name, parts)
        for kind, value in parts.items():
            note("bytes", growth.name, "bytes", value, kind=kind)


def _make(context, profile, change):
    after = context.copy(change.base, "after")
    old = inodes(after)
    server = context.server(after, profile)
    server.start()
    text, row_count = change.make(profile)
    server.sql(text)
    server.sql("CHECKPOINT;")
    kinds = server.kinds()
    server.stop()
    before = context.base(change.base)
    return Difference(before, after, kinds, renamed(old, after)), row_count


def _replay(peer, base, difference, is_checked):
    """Bytes that a fork and the change on it add, by kind of file."""
    before = peer.stored()
    directory = peer.fork(base, "fork")
    # What the fork itself takes counts as metadata.
    added = {"metadata": 0}
    for kind in ("metadata", "heap", "index", "wal"):
        difference.replay(directory, kind)
        now = peer.stored()
        added[kind] = now - before
        before = now
    if is_checked:
        verify(difference.after, directory)
    peer.release("fork")
    peer.drop("fork")
    os.sync()
    return added
