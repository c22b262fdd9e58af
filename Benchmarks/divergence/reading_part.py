"""Part `read`: reads of a fork of a fork of a fork, and memory of many forks that read the same."""

import os
import time

from peers import Btrfs, Overlay, Reflink
from workspace import drop_caches, run

PART = "read"
PAGE = 8192
DEPTHS = (1, 16, 256)
PAGES_PER_LEVEL = 40


def measure(context):
    """Depth first, then memory."""
    path = _large_file(context.base("base"))
    context.results.input("bytes of the file that is read", os.path.getsize(
        f"{context.base('base')}/{path}"))
    _measure_depth(context, path)
    _measure_memory(context, path)


def _large_file(data):
    """The largest file of tables and indexes, by its path in the data directory."""
    found = []
    for place, _, names in os.walk(f"{data}/base"):
        found += [os.path.join(place, name) for name in names]
    return os.path.relpath(max(found, key=os.path.getsize), data)


# Depth

def _measure_depth(context, path):
    """Each generation changes some pages, so that a file of the last has pages of all of them."""
    ours = context.coppice()
    peers = [ours] + context.file_peers(PART, Btrfs)
    for peer in peers:
        peer.prepare("base", context.base("base"))
        _descend(context, peer, path)
    samples = {}
    for number in range(context.scale["rounds"]):
        for depth in DEPTHS:
            for peer in peers:
                place = f"{peer.path(f'depth-{depth}')}/{path}"
                kept = samples.setdefault((depth, peer.name), ([], []))
                _make_cold(peer, ours)
                kept[0].extend(_read_at_random(context, place, number))
                _make_cold(peer, ours)
                kept[1].append(_read_in_order(place))
    for (depth, name), (times, rates) in samples.items():
        context.results.add(
            PART, "cold random read of 8 KiB", name, "seconds", times, depth=depth)
        context.results.add(PART, "cold read in order", name, "MB/s", rates, depth=depth)
    for peer in peers:
        peer.close()


def _descend(context, peer, path):
    source = context.content.random("depth")
    previous = "base"
    for depth in range(1, max(DEPTHS) + 1):
        name = f"depth-{depth}"
        directory = peer.fork(previous, name)
        with open(f"{directory}/{path}", "r+b", buffering=0) as file:
            page_count = os.fstat(file.fileno()).st_size // PAGE
            for _ in range(PAGES_PER_LEVEL):
                offset = source.randrange(page_count) * PAGE
                # As an update of a row: some bytes of a page.
                file.seek(offset + source.randrange(PAGE - 120))
                file.write(source.randbytes(120))
            os.fsync(file.fileno())
        previous = name


def _make_cold(peer, ours):
    if peer is ours:
        # What is in the server's memory goes with it.
        ours.stored()
        ours.stop()
        drop_caches()
        ours.start()
    drop_caches()


def _read_at_random(context, path, number):
    """Seconds of each of many reads, no page twice."""
    source = context.content.random("reads", number)
    file = os.open(path, os.O_RDONLY)
    times = []
    try:
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_RANDOM)
        page_count = os.fstat(file).st_size // PAGE
        for page in source.sample(
                range(page_count), min(page_count, context.scale["depth_reads"])):
            start = time.perf_counter()
            count = len(os.pread(file, PAGE, page * PAGE))
            times.append(time.perf_counter() - start)
            if count != PAGE:
                raise AssertionError(f"{path} has no page {page}")
    finally:
        os.close(file)
    return times


def _read_in_order(path):
    """Megabytes a second."""
    with open(path, "rb", buffering=0) as file:
        start = time.monotonic()
        while file.read(1 << 20):
            pass
        return file.tell() / 1e6 / (time.monotonic() - start)


# Memory

def _measure_memory(context, path):
    """What the kernel keeps of the files, and what the server grows by, with all open."""
    count = context.scale["open_branches"]
    ours = context.coppice()
    peers = [ours] + context.file_peers(PART, Btrfs, Reflink, Overlay)
    for peer in peers:
        peer.prepare("base", context.base("base"))
    for peer in peers:
        names = [f"open-{number}" for number in range(count)]
        for name in names:
            peer.fork("base", name)
        _make_cold(peer, ours)
        before = _server_byte_count(peer, ours)
        files = [open(f"{peer.path(name)}/{path}", "rb", buffering=0) for name in names]
        try:
            for file in files:
                while file.read(1 << 20):
                    pass
            # A file below several overlays is one, and is kept once.
            places = {peer.memory_path(name, path) for name in names}
            kept = sum(_resident_byte_count(place) for place in places)
            grown = _server_byte_count(peer, ours) - before
        finally:
            for file in files:
                file.close()
        context.results.add(
            PART, "memory of the kernel for what forks read", peer.name, "bytes", [kept],
            forks=count)
        context.results.add(
            PART, "memory of the server for what forks read", peer.name, "bytes", [grown],
            forks=count)
        drop_caches()
    for peer in peers:
        peer.close()


def _resident_byte_count(path):
    return int(run(["fincore", "--bytes", "--noheadings", "--output", "RES", path]).strip() or 0)


def _server_byte_count(peer, ours):
    """Memory of the server that is nobody else's too; none for file systems of the kernel."""
    if peer is not ours:
        return 0
    with open(f"/proc/{ours.process_number()}/smaps_rollup", encoding="ascii") as file:
        for line in file:
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    raise AssertionError("the kernel does not tell what the server uses")
