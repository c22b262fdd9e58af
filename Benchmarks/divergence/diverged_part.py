"""Part `diverged`: many forks of which each changes one of a hundred rows, by a server of its own,
and what it takes to delete them again."""

import time

from peers import Btrfs
from workspace import run, timed

PART = "diverged"
DELETED_SHARE = 0.9


def measure(context):
    """The same SQL on a fork of each peer, in turn."""
    ours = context.coppice()
    peers = [ours] + context.file_peers(PART, Btrfs)
    before = {}
    for peer in peers:
        peer.prepare("base", context.base("base"))
        before[peer.name] = peer.stored()
    count = context.scale["diverged"]
    seconds = {peer.name: [] for peer in peers}
    rows = []
    for number in range(count):
        text, row_count = context.content.update("uniform", 1, f"diverged-{number}")
        rows.append(row_count)
        for peer in peers:
            seconds[peer.name].append(timed(_change, context, peer, f"diverged-{number}", text))
    context.results.add(PART, "rows changed by a fork", "input", "rows", rows)
    for peer in peers:
        context.results.add(
            PART, "fork, start, change, checkpoint, stop", peer.name, "seconds",
            seconds[peer.name])
        total = peer.stored() - before[peer.name]
        context.results.add(PART, "bytes of all forks", peer.name, "bytes", [total], forks=count)
        _delete(context, peer, count, before[peer.name] + total)
    for peer in peers:
        peer.close()


def _change(context, peer, name, text):
    server = context.server(peer.fork("base", name), "instance")
    server.start()
    server.sql(text + "\nCHECKPOINT;")
    server.stop()


def _delete(context, peer, count, stored):
    """Most of them, until their space is back."""
    names = [f"diverged-{number}" for number in range(round(count * DELETED_SHARE))]
    start = time.monotonic()
    if isinstance(peer, Btrfs):
        run(["btrfs", "-q", "subvolume", "delete", "--commit-after"]
            + [peer.path(name) for name in names])
        run(["btrfs", "filesystem", "sync", peer.directory])
        run(["btrfs", "-q", "subvolume", "sync", peer.directory])
    else:
        peer.delete(names)
        peer.collect()
    seconds = time.monotonic() - start
    labels = {"forks": len(names)}
    context.results.add(
        PART, "deleting forks and reclaiming their space", peer.name, "seconds", [seconds],
        **labels)
    context.results.add(
        PART, "bytes reclaimed", peer.name, "bytes", [stored - peer.stored()], **labels)
