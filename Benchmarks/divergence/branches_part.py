"""Part `create`: how long making a fork takes, by how many there are and by what goes on beside.

Peers take turns fork by fork. `command` is a process as a person starts it; `call` is a request to
Coppice's server, and a system call of btrfs, each on disk when it has returned.
"""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from peers import Btrfs
from workspace import timed

PART = "create"
# How many forks a peer gets in a run of this part; making more would take hours.
COUNT_MAX = {"Coppice": 10_000, "btrfs snapshot": 10_000, "full copy": 1}


def measure(context):
    """Forks of an idle base first, then beside writers and beside a collection."""
    ours = context.coppice()
    peers = [ours] + context.file_peers(PART)
    for peer in peers:
        peer.prepare("base", context.base("base"))
    _measure_counts(context, peers)
    busy = [peer for peer in peers if isinstance(peer, Btrfs) or peer is ours]
    for peer in busy:
        _measure_beside_writers(context, peer)
    for peer in busy:
        _measure_beside_collection(context, peer)
    for peer in peers:
        peer.close()
    _measure_in_server(context)
    for name in ("LMDB", "RocksDB", "SQLite"):
        context.results.miss(
            PART, name, "keeps no directories; its reads and writes of pages are in "
            "make bench BENCH='read write'")


def _measure_counts(context, peers):
    made = {peer.name: 0 for peer in peers}
    for count in context.scale["branches"]:
        for peer in peers:
            if COUNT_MAX.get(peer.name, 100) < count:
                context.results.miss(PART, f"{peer.name}, {count} forks", "takes too long")
        able = [peer for peer in peers if COUNT_MAX.get(peer.name, 100) >= count]
        for peer in able:
            while made[peer.name] < count - 1:
                _fork_quickly(peer, f"many-{made[peer.name]}")
                made[peer.name] += 1
        _measure_commands(context, able, count)
        _measure_calls(context, able, count)


def _fork_quickly(peer, name):
    make = getattr(peer, "fork_early", None) or getattr(peer, "make_image", None) or peer.fork
    make("base", name)


def _measure_commands(context, peers, count):
    samples = {peer.name: [] for peer in peers}
    rounds = max(context.scale["slow_samples"], context.scale["samples"] // 10)
    for number in range(rounds):
        for peer in peers:
            if peer.name == "full copy" and number >= context.scale["slow_samples"]:
                continue
            name = f"command-{count}-{number}"
            make = peer.make_image if hasattr(peer, "make_image") else peer.fork_by_command
            samples[peer.name].append(timed(make, "base", name))
            if peer.name not in ("Coppice", "btrfs snapshot"):
                peer.drop(name)
    for peer in peers:
        context.results.add(
            PART, "fork by a command", peer.name, "seconds", samples[peer.name], branches=count,
            beside="nothing")


def _measure_calls(context, peers, count):
    """Those that make forks without a process."""
    able = [peer for peer in peers if peer.is_durable]
    samples = {peer.name: [] for peer in able}
    for number in range(context.scale["samples"]):
        for peer in able:
            samples[peer.name].append(timed(peer.fork, "base", f"call-{count}-{number}"))
    for peer in able:
        context.results.add(
            PART, "fork by a call", peer.name, "seconds", samples[peer.name], branches=count,
            beside="nothing")
    early = [timed(peer.fork_early, "base", f"early-{count}-{number}")
             for peer in able if isinstance(peer, Btrfs)
             for number in range(context.scale["samples"])]
    if early:
        context.results.add(
            PART, "fork by a call", "btrfs snapshot, not yet on disk", "seconds", early,
            branches=count, beside="nothing")


# Beside others

def write_script(context):
    """A script of pgbench that changes rows at random; returns its path."""
    path = os.path.join(context.sockets, "writes.sql")
    counts = context.content.counts
    with open(path, "w", encoding="ascii") as file:
        file.write(f"""\\set customer random(1, {counts["customers"]})
\\set order random(1, {counts["orders"]})
BEGIN;
UPDATE customers SET balance = balance - 1, visits = visits + 1 WHERE id = :customer;
UPDATE orders SET total = total + 1 WHERE id = :order;
END;
""")
    os.chmod(path, 0o644)
    return path


def _measure_beside_writers(context, peer):
    data = peer.fork("base", "written")
    server = context.server(data, "instance")
    server.start()
    load = server.load(write_script(context), 4, 600)
    try:
        time.sleep(2)
        _sample(context, peer, "written", "4 writing clients")
    finally:
        load.terminate()
        load.wait(60)
        server.stop()


def _sample(context, peer, base, beside):
    samples = [
        timed(peer.fork, base, f"{beside.replace(' ', '-')}-{number}")
        for number in range(context.scale["samples"])]
    context.results.add(
        PART, "fork by a call", peer.name, "seconds", samples,
        branches=max(context.scale["branches"]), beside=beside)


def _measure_beside_collection(context, peer):
    """While the space of deleted forks that had diverged is given back."""
    names = [f"garbage-{number}" for number in range(20)]
    source = context.content.random("garbage", peer.name)
    for name in names:
        _diverge(peer.fork("base", name), source)
    stop = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        collecting = pool.submit(_collect, peer, names, stop)
        try:
            _sample(context, peer, "base", "a collection")
        finally:
            stop.set()
        context.results.add(
            PART, "collections meanwhile", peer.name, "collections", [collecting.result()])


def _diverge(directory, source):
    """Overwrites a fifth of the pages of the large files with new bytes."""
    for place, _, names in os.walk(f"{directory}/base"):
        for name in names:
            path = os.path.join(place, name)
            page_count = os.path.getsize(path) // 8192
            if page_count < 100:
                continue
            with open(path, "r+b", buffering=0) as file:
                for _ in range(page_count // 5):
                    file.seek(source.randrange(page_count) * 8192)
                    file.write(source.randbytes(8192))


def _collect(peer, names, stop):
    """Deletes forks, and has the space of each given back, until told to stop; returns of how
    many."""
    count = 0
    while not stop.is_set() and count < len(names):
        if isinstance(peer, Btrfs):
            peer.drop(names[count])
        else:
            peer.delete([names[count]])
            peer.collect()
        count += 1
    return count


# In a server

def _measure_in_server(context):
    """What PostgreSQL has itself: a copy of a database, and a dump that is restored."""
    data = context.copy("base", "template")
    server = context.server(data, "instance")
    server.start()
    rounds = context.scale["slow_samples"]
    ways = {
        "CREATE DATABASE TEMPLATE": lambda name: server.sql(
            f"CREATE DATABASE {name} TEMPLATE shop", "postgres"),
        "pg_dump to pg_restore": lambda name: _dump_and_restore(server, name)}
    samples = {way: [] for way in ways}
    stored = {way: [] for way in ways}
    for number in range(min(rounds, 3)):
        for way, make in ways.items():
            name = f"copy{number}"
            samples[way].append(timed(make, name))
            size = server.sql(f"SELECT pg_database_size('{name}')", "postgres")
            stored[way].append(int(size))
            server.sql(f"DROP DATABASE {name}", "postgres")
    server.stop()
    for way in ways:
        context.results.add(
            PART, "fork by a command", way, "seconds", samples[way], branches=1, beside="nothing")
        context.results.add(PART, "bytes of a new fork", way, "bytes", stored[way])


def _dump_and_restore(server, name):
    server.sql(f"CREATE DATABASE {name} TEMPLATE template0", "postgres")
    server.pipe(["pg_dump", "-Fc", "-Z0", "shop"], ["pg_restore", "-d", name])
