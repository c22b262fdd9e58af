"""What a run measured: every sample, with what it is of."""

import json
import math
import os
import platform
import subprocess
import sys
import time


class Results:
    """Measurements in the order in which they were made, and what could not be measured."""

    def __init__(self, options):
        self._start = time.monotonic()
        self.document = {
            "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()), "command": options.command,
            "seed": options.seed, "scale": options.scale, "machine": _machine(options.program),
            "inputs": {}, "missing": [], "measurements": []}

    def note(self, part, item, subject, unit, samples, **labels):
        """Notes samples of one thing, measured on one subject."""
        self.document["measurements"].append({
            "part": part, "item": item, "subject": subject, "unit": unit, "labels": labels,
            "samples": [_rounded(value) for value in samples]})

    def add(self, part, item, subject, unit, samples, **labels):
        """Notes samples and prints them."""
        samples = list(samples)
        self.note(part, item, subject, unit, samples, **labels)
        middle = quantile(samples, 0.5)
        text = f"p50 {show(middle, unit)}, p99 {show(quantile(samples, 0.99), unit)}"
        said = ", ".join(f"{name} {value}" for name, value in labels.items())
        self.say(
            f"{part}: {item}{' (' + said + ')' if said else ''}: {subject} "
            f"{text if len(samples) > 1 else show(middle, unit)}")

    def input(self, name, value):
        """Notes what measurements are of."""
        self.document["inputs"][name] = value
        self.say(f"{name}: {value}")

    def miss(self, part, subject, reason):
        """Notes what was not measured, and why."""
        self.document["missing"].append({"part": part, "subject": subject, "reason": reason})
        self.say(f"{part}: {subject}: not measured: {reason}")

    def say(self, text):
        """Prints a line with the time since the start."""
        print(f"[{time.monotonic() - self._start:6.1f} s] {text}", flush=True)

    def write(self, path):
        """Writes everything until now as JSON."""
        self.document["seconds"] = round(time.monotonic() - self._start, 1)
        self.document["loadAverageAtEnd"] = os.getloadavg()[0]
        with open(path, "w", encoding="utf-8") as file:
            # A line for each measurement.
            lines = [json.dumps(one) for one in self.document["measurements"]]
            rest = {**self.document, "measurements": "MEASUREMENTS"}
            file.write(json.dumps(rest, indent=1).replace(
                '"MEASUREMENTS"', "[\n" + ",\n".join(lines) + "\n ]") + "\n")


def quantile(samples, share):
    """The smallest sample that is not exceeded by that share of them."""
    ordered = sorted(samples)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def show(value, unit):
    """A value as a person reads it."""
    if unit == "bytes":
        for name, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
            if abs(value) >= size:
                return f"{_digits(value / size)} {name}"
        return f"{value:.0f} B"
    if unit == "seconds":
        for name, size in (("s", 1), ("ms", 1e-3)):
            if value >= size:
                return f"{_digits(value / size)} {name}"
        return f"{_digits(value / 1e-6)} us"
    return f"{_digits(value)} {unit}"


def _rounded(value):
    """With six digits that count: no clock here has more."""
    return value if isinstance(value, int) else float(f"{value:.6g}")


def _digits(value):
    """With three digits that count."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _machine(program):
    model = "unknown"
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    commit = subprocess.run(
        ["git", "-C", os.path.dirname(__file__), "rev-parse", "--short", "HEAD"],
        capture_output=True, text=True, check=False).stdout.strip()
    return {
        "processor": model, "cores": os.cpu_count(), "memoryBytes": memory,
        "kernel": platform.release().split("-")[0], "system": _system(), "loadAverageAtStart": os.getloadavg()[0],
        "python": sys.version.split()[0], "coppice": program, "commit": commit}


def _system():
    with open("/etc/os-release", encoding="utf-8") as file:
        for line in file:
            if line.startswith("PRETTY_NAME="):
                return line.split("=", 1)[1].strip().strip('"')
    return "unknown"
