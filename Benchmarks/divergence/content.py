"""A shop's database from a seed, and the changes that are measured."""

import hashlib
import itertools
import json
import math
import random

CHANGE_SHARES = (0.01, 0.1, 1, 10)
# Rows of each table at scale 1.
ROW_COUNTS = {"customers": 60_000, "orders": 160_000, "events": 200_000, "documents": 6_000}
# The tables whose rows are updated, those that grow, and how many transactions a change takes.
UPDATED = ("customers", "orders", "documents")
APPENDED = ("orders", "events")
BATCH_COUNT = 10

_SYLLABLES = (
    "ba be bo ca ce co da de di do fa fe fi ga go ha he hi ka ko la le li lo ma me mi mo na ne "
    "ni no pa pe pi po ra re ri ro sa se si so ta te ti to va ve vi vo wa we wi").split()

SCHEMA = """
CREATE TABLE customers (
  id bigint PRIMARY KEY, name text NOT NULL, email text NOT NULL, token text NOT NULL,
  address text NOT NULL, balance numeric(12,2) NOT NULL, visits int NOT NULL,
  preferences jsonb NOT NULL, created timestamptz NOT NULL, seen timestamptz NOT NULL)
  WITH (fillfactor = 90);
CREATE TABLE orders (
  id bigint PRIMARY KEY, customer bigint NOT NULL, state text NOT NULL,
  total numeric(10,2) NOT NULL, receipt text NOT NULL, note text, placed timestamptz NOT NULL);
CREATE TABLE events (
  id bigint PRIMARY KEY, customer bigint NOT NULL, kind text NOT NULL, payload jsonb NOT NULL,
  at timestamptz NOT NULL);
CREATE TABLE documents (
  id bigint PRIMARY KEY, owner bigint NOT NULL, title text NOT NULL, body text NOT NULL,
  digest text NOT NULL, changed timestamptz NOT NULL) WITH (fillfactor = 80);
"""

INDEXES = """
CREATE INDEX ON customers (email);
CREATE INDEX ON customers (seen);
CREATE INDEX ON customers USING gin (preferences jsonb_path_ops);
CREATE INDEX ON orders (customer);
CREATE INDEX ON orders (state, placed);
CREATE INDEX ON events (customer, at);
CREATE INDEX ON events USING brin (at);
CREATE INDEX ON documents (digest);
VACUUM (FREEZE, ANALYZE);
"""


class Content:
    """Makes rows; the same from the same seed."""

    def __init__(self, seed, scale):
        self.counts = {table: round(count * scale) for table, count in ROW_COUNTS.items()}
        self._seed = seed
        random_words = random.Random(seed)
        self._words = sorted({
            "".join(random_words.choices(_SYLLABLES, k=random_words.randint(2, 4)))
            for _ in range(4000)}, key=lambda word: hashlib.md5(word.encode()).digest())
        # Few words are frequent, as in any language.
        self._weights = list(itertools.accumulate(
            1 / (rank + 5) for rank in range(len(self._words))))

    def random(self, *names):
        """A generator of its own for each purpose."""
        return random.Random(":".join(str(name) for name in (self._seed,) + names))

    def text(self, source, count):
        """That many words."""
        return " ".join(source.choices(self._words, cum_weights=self._weights, k=count))

    def row(self, table, number, source):
        """A row in the text that COPY takes."""
        return "\t".join(getattr(self, f"_{table}")(number, source))

    def _customers(self, number, source):
        name = self.text(source, 2).title()
        preferences = {
            "theme": source.choice(("light", "dark")), "mails": source.random() < 0.4,
            "tags": self.text(source, source.randint(0, 3)).split()}
        return (
            str(number), name, f"{name.lower().replace(' ', '.')}{number}@example.org",
            _digest(source), f"{source.randint(1, 300)} {self.text(source, 3).title()}",
            f"{source.random() * 90_000:.2f}", str(source.randint(0, 500)),
            json.dumps(preferences), _moment(2019, number * 97),
            _moment(2024, source.randint(0, 26_000_000)))

    def _orders(self, number, source):
        return (
            str(number), str(source.randint(1, self.counts["customers"])),
            source.choices(("open", "paid", "sent", "returned"), (1, 2, 16, 1))[0],
            f"{source.lognormvariate(4, 1):.2f}", _digest(source),
            self.text(source, 5) if number % 3 == 0 else "\\N", _moment(2021, number * 61))

    def _events(self, number, source):
        payload = {
            "page": "/" + "/".join(self.text(source, 2).split()),
            "session": f"{source.getrandbits(64):016x}", "ms": source.randint(3, 900),
            "agent": source.choice(("chrome", "firefox", "safari", "app"))}
        if source.random() < 0.2:
            payload["query"] = self.text(source, 3)
        return (
            str(number), str(source.randint(1, self.counts["customers"])),
            source.choices(("view", "click", "cart", "login"), (12, 6, 2, 1))[0],
            json.dumps(payload), _moment(2023, number * 17))

    def _documents(self, number, source):
        return (
            str(number), str(source.randint(1, self.counts["customers"])),
            self.text(source, 5).title(), self.text(source, source.randint(60, 500)),
            _digest(source), _moment(2023, number * 420))

    def load(self, server):
        """Fills an empty database."""
        server.sql(SCHEMA)
        for table, count in self.counts.items():
            source = self.random("rows", table)
            server.sql(self._copy(table, range(1, count + 1), source))
        server.sql(INDEXES + "CHECKPOINT;")

    def _copy(self, table, numbers, source):
        rows = "".join(self.row(table, number, source) + "\n" for number in numbers)
        return f"COPY {table} FROM STDIN;\n{rows}\\.\n"

    # Changes: each returns SQL and the number of rows that it changes or adds.

    def update(self, pattern, share, salt):
        """Rows updated in ten transactions: `uniform`, all rows alike and each once; `skewed`,
        late rows far more often than early ones, so that hot ones change in several."""
        source = self.random(pattern, share, salt)
        picked = {
            table: _pick(pattern, self.counts[table], share, source) for table in UPDATED}
        text = []
        for batch in range(BATCH_COUNT):
            sets = {
                table: ",".join(str(row) for row in batches[batch])
                for table, batches in picked.items()}
            words = self.text(source, 4)
            text.append(f"""
BEGIN;
UPDATE customers SET balance = balance - {source.random() * 50:.2f}, visits = visits + 1,
    seen = timestamptz '2025-03-01 12:00Z' + (id * 7919 % 10000) * interval '1 second'
  WHERE id = ANY ('{{{sets["customers"]}}}');
UPDATE orders SET state = 'returned', total = total * 0.9, note = '{words}'
  WHERE id = ANY ('{{{sets["orders"]}}}');
UPDATE documents SET body = overlay(body placing '{words}' from 1 + (id % 200)::int),
    changed = timestamptz '2025-03-01 12:00Z'
  WHERE id = ANY ('{{{sets["documents"]}}}');
COMMIT;""")
        count = sum(len(batch) for batches in picked.values() for batch in batches)
        return "".join(text), count

    def append(self, share, salt):
        """New rows behind the others, in ten transactions."""
        source = self.random("append", share, salt)
        text = []
        total = 0
        first = {table: self.counts[table] + 1 for table in APPENDED}
        for batch in range(BATCH_COUNT):
            text.append("BEGIN;\n")
            for table in APPENDED:
                count = _part(math.ceil(self.counts[table] * share / 100), batch)
                numbers = range(first[table], first[table] + count)
                text.append(self._copy(table, numbers, source))
                first[table] += count
                total += count
            text.append("COMMIT;\n")
        return "".join(text), total

    def age(self):
        """What leaves work for VACUUM: a tenth of the rows updated, a fiftieth deleted."""
        text, count = self.update("uniform", 10, "age")
        deleted = self.counts["orders"] // 50
        return text + "\nDELETE FROM orders WHERE id % 50 = 7;", count + deleted


def _pick(pattern, row_count, share, source):
    """Rows of each of ten transactions."""
    count = max(BATCH_COUNT, round(row_count * share / 100))
    if pattern == "uniform":
        rows = iter(source.sample(range(1, row_count + 1), min(count, row_count)))
        return [list(itertools.islice(rows, _part(count, batch))) for batch in range(BATCH_COUNT)]
    batches = []
    for batch in range(BATCH_COUNT):
        rows = set()
        wanted = min(_part(count, batch), row_count)
        while len(rows) < wanted:
            rows.add(row_count - math.floor(row_count * source.random() ** 6))
        batches.append(sorted(rows))
    return batches


def _part(count, batch):
    """How many of them fall to one of ten transactions."""
    return count // BATCH_COUNT + (1 if batch < count % BATCH_COUNT else 0)


def _digest(source):
    return f"{source.getrandbits(128):032x}"


def _moment(year, seconds):
    days, rest = divmod(seconds, 86_400)
    return (
        f"{year + days // 365}-{1 + days % 365 // 31:02d}-{1 + days % 365 % 31 % 28:02d} "
        f"{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}+00")
