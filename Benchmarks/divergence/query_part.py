"""Part `query`: from the wish for a fork to the first answer of a server on it, and what is
stored then."""

import time

from branches_part import write_script
from peers import Btrfs, FullCopy, Reflink
from workspace import timed

PART = "query"
QUESTION = "SELECT count(*), sum(total) FROM orders WHERE customer = 17"


def measure(context):
    """Forks of a stopped base, then of one whose server runs and writes; peers take turns."""
    ours = context.coppice()
    peers = [ours] + context.file_peers(PART, Btrfs, Reflink, FullCopy)
    for peer in peers:
        peer.prepare("base", context.base("base"))
    rounds = context.scale["slow_samples"]
    outcomes = {}
    for number in range(rounds):
        for peer in peers:
            _add(outcomes, peer.name, _ask(context, peer, "base", f"stopped-{number}"))
        _add(outcomes, "Coppice, pg start", _start(ours, "base", f"started-{number}"))
    _report(context, outcomes, "a stopped server")
    outcomes = {}
    # Copies of what is being written are no copies, so only what makes them at one moment.
    for number in range(rounds):
        for peer in peers:
            if peer.is_durable:
                _add(outcomes, peer.name, _ask_of_running(context, peer, number))
    _report(context, outcomes, "a server that writes")
    for peer in peers:
        peer.close()


def _add(outcomes, name, outcome):
    times, stored = outcomes.setdefault(name, ([], []))
    times.append(outcome[0])
    stored.append(outcome[1])


def _report(context, outcomes, source):
    for name, (times, stored) in outcomes.items():
        context.results.add(PART, "time to the first answer", name, "seconds", times, fork=source)
        context.results.add(PART, "bytes stored then", name, "bytes", stored, fork=source)


def _ask(context, peer, base, name):
    """Seconds, and bytes that are stored more once the server has ended."""
    before = peer.stored()
    start = time.monotonic()
    server = context.server(peer.fork_by_command(base, name), "instance")
    server.start()
    answer = server.sql(QUESTION)
    seconds = time.monotonic() - start
    if "|" not in answer:
        raise AssertionError(f"{peer.name} answers {answer}")
    server.stop("immediate")
    return seconds, peer.stored() - before


def _start(ours, base, name):
    """By the command that makes the fork and starts its server, and psql."""
    before = ours.stored()
    start = time.monotonic()
    url = ours.instance(base, name)
    ours.ask_instance(url, QUESTION)
    seconds = time.monotonic() - start
    ours.command("pg", "stop", name)
    return seconds, ours.stored() - before


def _ask_of_running(context, peer, number):
    """Of a server that writes when it is forked, and is ended before the fork's is started."""
    origin = f"origin-{number}"
    server = context.server(peer.fork("base", origin), "instance")
    server.start()
    load = server.load(write_script(context), 4, 60)
    try:
        time.sleep(3)
        seconds = timed(peer.fork_by_command, origin, f"{origin}-fork")
    finally:
        load.terminate()
        load.wait(60)
        server.stop("immediate")
    before = peer.stored()
    start = time.monotonic()
    server = context.server(peer.path(f"{origin}-fork"), "instance")
    server.start()
    server.sql(QUESTION)
    seconds += time.monotonic() - start
    server.stop("immediate")
    return seconds, peer.stored() - before
