"""Charts of the results, as SVG and PNG."""

import os

import matplotlib
from matplotlib import pyplot
from matplotlib.ticker import FuncFormatter, MaxNLocator

from results import show
from table import SUBJECTS, Measured, share

COLOURS = {
    "Coppice": "#1b7f3b", "restic": "#c2570c", "borg": "#e39a1f", "btrfs snapshot": "#3b6fb5",
    "reflink copy (XFS)": "#78a6d8", "qcow2": "#7d4fa3", "overlayfs": "#9a9a9a",
    "full copy": "#3a3a3a"}
KINDS = {"heap": "#1b7f3b", "index": "#7cc08f", "wal": "#e39a1f", "metadata": "#9a9a9a"}
KIND_NAMES = {"heap": "tables", "index": "indexes", "wal": "log", "metadata": "metadata"}


def draw(document, directory):
    """Writes each chart that there are results for."""
    # Without a screen.
    matplotlib.use("Agg")
    matplotlib.rcParams.update({
        "font.size": 9, "axes.spines.top": False, "axes.spines.right": False,
        "svg.hashsalt": "coppice", "svg.fonttype": "none",
        "axes.titlesize": 10, "axes.titleweight": "bold"})
    measured = Measured(document)
    for name, part, item, make in (
            ("stored", "stored", None, _stored), ("kinds", "stored", None, _kinds),
            ("create", "create", "fork by a call", _create),
            ("query", "query", "bytes stored then", _query),
            ("depth", "read", "memory of the server for what forks read", _depth),
            ("diverged", "diverged", "bytes of all forks", _diverged)):
        # A part that failed has none.
        if measured.changes("instance") if part == "stored" else measured.find(part, item):
            figure = make(measured)
            machine = document["machine"]
            figure.text(
                0.99, 0.005, f"{document['date']}, {machine['cores']} cores, shared; "
                f"{document['command']}", ha="right", va="bottom", fontsize=6.5, color="#777777")
            for kind, meta in (("svg", {"Date": None}), ("png", {})):
                figure.savefig(
                    os.path.join(directory, f"{name}.{kind}"), dpi=110, metadata=meta)
            pyplot.close(figure)


def _formatter(unit):
    return FuncFormatter(
        lambda value, _:
        show(value, unit).replace(".00", "").replace(".0 ", " ") if value else "0")


def _stored(measured):
    """A row for each change, a dot for each peer, on a scale of powers of ten."""
    changes = measured.changes("instance")
    figure, panels = pyplot.subplots(1, 2, figsize=(11, 6), sharey=True)
    for panel, with_log in zip(panels, (False, True)):
        for place, change in enumerate(changes):
            values = {
                subject: measured.stored(subject, "instance", change, with_log)
                for subject in COLOURS}
            values = {subject: value for subject, value in values.items() if value}
            panel.plot(
                [min(values.values()), max(values.values())], [place, place], color="#dddddd",
                zorder=1)
            for subject, value in values.items():
                is_ours = subject == "Coppice"
                panel.scatter(
                    value, place, s=80 if is_ours else 32, color=COLOURS[subject],
                    marker="D" if is_ours else "o", zorder=3 if is_ours else 2,
                    label=subject if place == 0 else None)
            best = measured.best("instance", change, with_log)
            panel.annotate(
                share(best, values["Coppice"]), (values["Coppice"], place),
                textcoords="offset points", xytext=(-9, 0), ha="right", va="center",
                color=COLOURS["Coppice"], fontsize=8)
        panel.set_xscale("log")
        low, high = panel.get_xlim()
        panel.set_xlim(low / 2.5, high)
        panel.xaxis.set_major_formatter(_formatter("bytes"))
        panel.grid(axis="x", color="#eeeeee")
        panel.set_title("with PostgreSQL's log" if with_log
                        else "tables, indexes and metadata")
    panels[0].set_yticks(range(len(changes)), [_called(change) for change in changes])
    panels[0].invert_yaxis()
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncol=8, frameon=False, fontsize=8,
                  bbox_to_anchor=(0.5, 0.025))
    figure.suptitle(
        "Bytes stored for a change of one cluster (green: Coppice, and its share of the best "
        "peer's)", fontsize=11)
    figure.tight_layout(rect=(0, 0.06, 1, 1))
    return figure


def _called(change):
    kinds = {"uniform": "of rows, at random", "skewed": "of rows, hot ones",
             "append": "more rows"}
    words = change.split(" ", 1)
    return f"{words[1]} {kinds[words[0]]}" if words[0] in kinds else change


def _kinds(measured):
    """What the bytes of Coppice and of a btrfs snapshot are."""
    there = measured.changes("instance")
    changes = [
        change for change in ("uniform 0.1 %", "uniform 1 %", "skewed 1 %", "append 1 %", "VACUUM",
                              "VACUUM FULL", "CREATE INDEX") if change in there]
    figure, panels = pyplot.subplots(1, 2, figsize=(11, 3.8), sharey=True)
    for panel, subject in zip(panels, ("Coppice", "btrfs snapshot")):
        for place, change in enumerate(changes):
            left = 0
            found = measured.kinds(subject, "instance", change)
            for kind, colour in KINDS.items():
                width = found.get(kind, 0)
                panel.barh(
                    place, width, left=left, color=colour,
                    label=KIND_NAMES[kind] if place == 0 else None)
                left += width
            panel.annotate(
                show(left, "bytes"), (left, place), textcoords="offset points", xytext=(4, 0),
                va="center", fontsize=8)
        panel.xaxis.set_major_formatter(_formatter("bytes"))
        panel.margins(x=0.15)
        panel.set_title(f"{subject} (its own scale)")
    panels[0].set_yticks(range(len(changes)), [_called(change) for change in changes])
    panels[0].invert_yaxis()
    panels[1].legend(frameon=False, fontsize=8)
    figure.suptitle("What the stored bytes are", fontsize=11)
    figure.tight_layout(rect=(0, 0.02, 1, 1))
    return figure


def _create(measured):
    """Time against the number of forks; then beside writers and a collection."""
    figure, panels = pyplot.subplots(1, 3, figsize=(11, 4.4), sharey=True)
    for panel, item, title in (
            (panels[0], "fork by a command", "by a command, a process each"),
            (panels[1], "fork by a call", "by a call, on disk at its end")):
        for subject in SUBJECTS:
            found = [one for one in measured.find("create", item, beside="nothing")
                     if one["subject"] == subject]
            if not found:
                continue
            counts = [one["labels"]["branches"] for one in found]
            middle = [measured.value("create", item, subject, 0.5, branches=count,
                                     beside="nothing") for count in counts]
            high = [measured.value("create", item, subject, 0.99, branches=count,
                                   beside="nothing") for count in counts]
            panel.plot(counts, middle, "-o", color=COLOURS[subject], label=subject,
                       linewidth=2.5 if subject == "Coppice" else 1.2)
            panel.fill_between(counts, middle, high, color=COLOURS[subject], alpha=0.12)
        panel.set_xscale("log")
        panel.set_yscale("log")
        panel.set_xlabel("forks there are")
        panel.yaxis.set_major_formatter(_formatter("seconds"))
        panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        panel.grid(color="#eeeeee")
        panel.set_title(title)
    _beside(measured, panels[2])
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncol=6, frameon=False, fontsize=8,
                  bbox_to_anchor=(0.5, 0.025))
    figure.suptitle("Making a fork: p50, shaded up to p99", fontsize=11)
    figure.tight_layout(rect=(0, 0.08, 1, 1))
    return figure


def _beside(measured, panel):
    item = "fork by a call"
    last = max(one["labels"]["branches"] for one in measured.find("create", item))
    situations = ("nothing", "4 writing clients", "a collection")
    for offset, subject in ((-0.1, "Coppice"), (0.1, "btrfs snapshot")):
        for place, beside in enumerate(situations):
            low, high = (
                measured.value("create", item, subject, quantile, branches=last, beside=beside)
                for quantile in (0.5, 0.99))
            if low is not None:
                panel.plot([place + offset] * 2, [low, high], color=COLOURS[subject], alpha=0.35,
                           linewidth=6, solid_capstyle="butt")
                panel.plot(place + offset, low, "o", color=COLOURS[subject])
    panel.set_xticks(range(len(situations)), ["idle", "beside\nwriters", "beside a\ncollection"])
    panel.grid(axis="y", color="#eeeeee")
    panel.set_title(f"by a call, {last:,} forks there")


def _query(measured):
    """Time to the first answer, and bytes."""
    figure, panels = pyplot.subplots(1, 2, figsize=(11, 3.6))
    rows = [(one["subject"], one["labels"]["fork"])
            for one in measured.find("query", "time to the first answer")]
    for panel, item, unit in (
            (panels[0], "time to the first answer", "seconds"),
            (panels[1], "bytes stored then", "bytes")):
        for place, (subject, source) in enumerate(rows):
            value = measured.value("query", item, subject, fork=source)
            panel.barh(place, value, color=COLOURS.get(subject, "#1b7f3b"),
                       alpha=1 if subject != "Coppice, pg start" else 0.6)
            panel.annotate(show(value, unit), (value, place), textcoords="offset points",
                           xytext=(4, 0), va="center", fontsize=8)
        panel.set_title(item)
        panel.invert_yaxis()
        panel.margins(x=0.18)
    panels[0].xaxis.set_major_locator(MaxNLocator(5))
    panels[0].xaxis.set_major_formatter(_formatter("seconds"))
    panels[1].set_xscale("log")
    panels[1].xaxis.set_major_formatter(_formatter("bytes"))
    panels[0].set_yticks(
        range(len(rows)), [f"{subject}, {source}" for subject, source in rows])
    panels[1].set_yticks([])
    figure.suptitle("A fork's first answer, by what was forked", fontsize=11)
    figure.tight_layout(rect=(0, 0.03, 1, 1))
    return figure


def _depth(measured):
    """Cold reads against the number of generations, and memory."""
    figure, panels = pyplot.subplots(1, 3, figsize=(11, 3.6))
    for panel, item, unit, title in (
            (panels[0], "cold random read of 8 KiB", "seconds", "cold random read, p50"),
            (panels[1], "cold read in order", "MB/s", "cold read in order")):
        for subject in measured.subjects("read", item):
            found = [one for one in measured.find("read", item) if one["subject"] == subject]
            depths = [one["labels"]["depth"] for one in found]
            values = [measured.value("read", item, subject, depth=depth) for depth in depths]
            panel.plot(depths, values, "-o", color=COLOURS[subject], label=subject)
        panel.set_xscale("log")
        panel.set_xticks(depths, depths)
        panel.minorticks_off()
        panel.set_ylim(bottom=0)
        panel.set_xlabel("generations of forks")
        panel.yaxis.set_major_formatter(_formatter(unit))
        panel.set_title(title)
    panels[0].legend(frameon=False, fontsize=8)
    item = "memory of the kernel for what forks read"
    subjects = measured.subjects("read", item)
    for place, subject in enumerate(subjects):
        kernel = measured.value("read", item, subject)
        server = measured.value("read", "memory of the server for what forks read", subject)
        panels[2].barh(place, kernel, color=COLOURS[subject])
        panels[2].barh(place, max(0, server), left=kernel, color=COLOURS[subject], alpha=0.5)
        panels[2].annotate(
            show(kernel + server, "bytes"), (kernel + server, place),
            textcoords="offset points", xytext=(4, 0), va="center", fontsize=8)
    panels[2].set_yticks(range(len(subjects)), subjects)
    panels[2].invert_yaxis()
    panels[2].margins(x=0.3)
    panels[2].xaxis.set_major_formatter(_formatter("bytes"))
    panels[2].xaxis.set_major_locator(MaxNLocator(3))
    forks = measured.find("read", item)[0]["labels"]["forks"]
    panels[2].set_title(f"memory, {forks} forks read one file")
    panels[2].set_xlabel("of the kernel; light: of the server")
    figure.tight_layout(rect=(0, 0.03, 1, 1))
    return figure


def _diverged(measured):
    """The price of many forks that diverge."""
    figure, panel = pyplot.subplots(figsize=(11, 2.6))
    found = measured.find("diverged", "bytes of all forks")
    forks = found[0]["labels"]["forks"]
    bars = [(one["subject"], one["samples"][0]) for one in found]
    whole = measured.document["inputs"]["bytes of base"]
    bars.append(("full copies, by arithmetic", forks * whole))
    for place, (subject, value) in enumerate(bars):
        panel.barh(place, value, color=COLOURS.get(subject, COLOURS["full copy"]))
        panel.annotate(show(value, "bytes"), (value, place), textcoords="offset points",
                       xytext=(4, 0), va="center", fontsize=9)
    panel.set_yticks(range(len(bars)), [subject for subject, _ in bars])
    panel.invert_yaxis()
    panel.margins(x=0.1)
    panel.xaxis.set_major_formatter(_formatter("bytes"))
    panel.set_title(
        f"{forks} forks, each with a server that changed one of a hundred rows: bytes stored, "
        "log included")
    figure.tight_layout(rect=(0, 0.04, 1, 1))
    return figure
