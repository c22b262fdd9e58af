"""The results as Markdown."""

from results import quantile, show

# In this order, as far as they were measured.
SUBJECTS = (
    "Coppice", "restic", "borg", "btrfs snapshot", "reflink copy (XFS)", "qcow2", "overlayfs",
    "full copy", "4 KiB extents, by arithmetic")
PEERS = tuple(
    subject for subject in SUBJECTS
    if subject not in ("Coppice", "4 KiB extents, by arithmetic"))
PROFILES = {
    "instance": "with the settings of servers that `coppice pg start` starts",
    "defaults": "with PostgreSQL's default settings"}


class Measured:
    """Looks measurements up."""

    def __init__(self, document):
        self.document = document
        self._all = document["measurements"]

    def find(self, part, item=None, **labels):
        """Those that have these labels."""
        return [
            one for one in self._all
            if one["part"] == part and item in (None, one["item"])
            and all(one["labels"].get(name) == value for name, value in labels.items())]

    def value(self, part, item, subject, share=0.5, **labels):
        """A quantile of the samples, or nothing."""
        found = [one for one in self.find(part, item, **labels) if one["subject"] == subject]
        return quantile(found[0]["samples"], share) if found else None

    def kinds(self, subject, profile, change):
        """Bytes of a change by kind of file."""
        return {
            one["labels"]["kind"]: one["samples"][0]
            for one in self.find("stored", "bytes", profile=profile, change=change)
            if one["subject"] == subject}

    def stored(self, subject, profile, change, with_log=True):
        """Bytes of a change, or nothing."""
        kinds = self.kinds(subject, profile, change)
        if "all" in kinds:
            return kinds["all" if with_log else "all but wal"]
        if not kinds:
            return None
        return sum(value for kind, value in kinds.items() if with_log or kind != "wal")

    def pages(self, profile, change, *kinds):
        """Pages that a change changes."""
        return sum(
            one["samples"][0]
            for one in self.find("stored", "pages changed", profile=profile, change=change)
            if not kinds or one["labels"]["kind"] in kinds)

    def changes(self, profile):
        """Names of changes, in the order in which they were made, that a peer stored too."""
        names = dict.fromkeys(
            one["labels"]["change"] for one in self.find("stored", "bytes", profile=profile))
        return [
            name for name in names if self.stored("Coppice", profile, name)
            and any(self.stored(peer, profile, name) for peer in PEERS)]

    def subjects(self, part, item, **labels):
        """What was measured, each once."""
        return list(dict.fromkeys(
            one["subject"] for one in self.find(part, item, **labels)))

    def best(self, profile, change, with_log):
        """The smallest of what real peers store."""
        found = [
            self.stored(peer, profile, change, with_log) for peer in PEERS]
        return min(value for value in found if value is not None)


def markdown(document):
    """All of it."""
    measured = Measured(document)
    sections = [_head(document)]
    profiles = [profile for profile in PROFILES if measured.changes(profile)]
    sections += [
        _stored(measured, profile, with_log)
        for profile in profiles for with_log in (False, True)]
    sections += [_split(measured, profile) for profile in profiles]
    for part, title, text in (
            ("create", "Making a fork", "p50 and p99."),
            ("query", "A fork's first answer",
             "From the command that makes the fork to psql's answer, and what is stored then."),
            ("read", "Reads", "Of a fork of a fork of a fork, cold; memory of forks that read the "
             "same file of {file}, all open."),
            ("diverged", "Many forks that each change one of a hundred rows",
             "A server of its own on each: update, checkpoint, stop; then nine of ten deleted."),
            ("transfer", "In and out", "A whole cluster, then one of ten rows changed, and back.")):
        if measured.find(part):
            text = text.format(
                file=show(document["inputs"].get("bytes of the file that is read", 0), "bytes"))
            sections.append(_plain(measured, part, title, text))
    sections.append(_missing(document))
    return "\n".join(sections)


def _table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" + "---:|" * (len(header) - 1)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _head(document):
    machine = document["machine"]
    counts = document["inputs"].get("rows", {})
    rows = ", ".join(f"{count:,} {table}" for table, count in counts.items())
    return f"""# What divergence costs

{document["date"]}, {document["seconds"]:.0f} s of `{document["command"]}` at commit
{machine["commit"]}, on {machine["cores"]} cores ({machine["processor"]}), {machine["system"]},
Linux {machine["kernel"]}. The machine is shared: load was {machine["loadAverageAtStart"]:.1f} at
the start and {document["loadAverageAtEnd"]:.1f} at the end, so times are to be compared within a
row only. Peers took turns. Data: PostgreSQL 15 with checksums, a data directory of
{show(document["inputs"].get("bytes of base", 0), "bytes")} with
{rows}.
"""


def _stored(measured, profile, with_log):
    there = measured.subjects("stored", "bytes", profile=profile)
    subjects = [subject for subject in SUBJECTS if subject in there]
    rows = []
    for change in measured.changes(profile):
        best = measured.best(profile, change, with_log)
        ours = measured.stored("Coppice", profile, change, with_log)
        count = measured.value(
            "stored", "rows changed", "input", profile=profile, change=change)
        rows.append(
            [change, "" if count is None else f"{count:,}"]
            + [_bytes(measured.stored(subject, profile, change, with_log))
               for subject in subjects]
            + [share(best, ours)])
    what = "The log included" if with_log else "Tables, indexes and metadata, without the log"
    return f"""## Bytes stored for a change, {PROFILES[profile]}

{what}, after a checkpoint and a stop of the server: log
that went with the checkpoint is in nobody's bytes. The last column is Coppice's share of the best
peer's.

{_table(["change", "rows", *subjects, "of the best"], rows)}"""


def share(best, ours):
    """What part of a peer's bytes ours are."""
    ratio = best / ours
    if ratio < 1:
        return f"{1 / ratio:.2f} x"
    return f"1/{ratio:.1f}" if ratio < 10 else f"1/{ratio:.0f}"


def _split(measured, profile):
    rows = []
    for change in measured.changes(profile):
        kinds = measured.kinds("Coppice", profile, change)
        peer = measured.kinds("btrfs snapshot", profile, change)
        count = measured.value(
            "stored", "rows changed", "input", profile=profile, change=change)
        whole = measured.value(
            "stored", "bytes of the whole", "input", profile=profile, change=change)
        total = sum(kinds.values())
        rows.append(
            [change]
            + [f"{_bytes(kinds[kind])} ({_bytes(peer.get(kind))})"
               for kind in ("heap", "index", "wal", "metadata")]
            + ["" if count is None else _bytes(total / count),
               _bytes((kinds["heap"] + kinds["index"])
                      / max(1, measured.pages(profile, change, "heap", "index"))),
               f"{100 * total / whole:.2f} %"])
    return f"""## By kind of file, {PROFILES[profile]}

Coppice, in brackets the btrfs snapshot. A row's share has all in it, the log too; a page's is that
of tables and indexes; the last column is the share of the whole cluster.

{_table(["change", "heap", "index", "log", "metadata", "a row", "a page", "of all"], rows)}"""


def _plain(measured, part, title, text):
    groups = {}
    for one in measured.find(part):
        if one["subject"] == "input":
            continue
        said = ", ".join(f"{name} {value:,}" if isinstance(value, int) else f"{name} {value}"
                         for name, value in one["labels"].items())
        groups.setdefault((one["item"], said), {})[one["subject"]] = one
    subjects = measured.subjects(part, None)
    subjects = [subject for subject in subjects if subject != "input"]
    rows = []
    for (item, said), found in groups.items():
        cells = [_cell(found.get(subject)) for subject in subjects]
        rows.append([f"{item}, {said}" if said else item, *cells])
    return f"## {title}\n\n{text}\n\n{_table(['', *subjects], rows)}"


def _cell(one):
    if one is None:
        return ""
    low = show(quantile(one["samples"], 0.5), one["unit"])
    if len(one["samples"]) < 20:
        return low
    return f"{low}, {show(quantile(one['samples'], 0.99), one['unit'])}"


def _bytes(value):
    return "" if value is None else show(value, "bytes")


def _missing(document):
    lines = [
        f"- {one['part']}: {one['subject']}: {one['reason']}" for one in document["missing"]]
    return "## Not measured\n\n" + ("\n".join(lines) or "Nothing.") + "\n"
