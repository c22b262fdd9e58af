#!/usr/bin/python3
"""Opens a pool that lies in a directory, by its key file, and lists what is in it.

    read_pool.py DIRECTORY KEYFILE

Written from the articles on the format of pools and the format on disk alone. It needs Python 3.11
and, of Debian, python3-cryptography and python3-zstandard. Whatever is not as the articles say ends
it with a message and the exit status 1; a key that does not open the pool with 6.
"""
import hashlib
import os
import re
import struct
import sys
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
import zstandard

BOX, TAG, HEADER = 65536, 16, 96
HEAD, MEMBER, SEGMENT, RETIRED = 1, 2, 3, 4


class Bad(Exception):
    """Bytes are not what the format says."""


class Denied(Exception):
    """The key does not open the pool."""


def check(claim, message):
    if not claim:
        raise Bad(message)


def words(*values):
    return " ".join(v.hex() if isinstance(v, bytes) else str(v) for v in values)


def named(name):
    return f"{name >> 24}/{name & 0xFFFFFF}"


class Reader:
    """Fields in order, little-endian."""

    def __init__(self, data, what):
        self.data, self.what, self.at = data, what, 0

    def raw(self, count):
        check(self.at + count <= len(self.data), f"{self.what} is too short")
        self.at += count
        return self.data[self.at - count:self.at]

    def row(self, form):
        """As `struct`, and `t` for a text, `T` for fields, of which it gives the tags."""
        values = []
        for part in re.split("([tT])", form):
            if part == "t":
                values.append(self.raw(*self.row("H")).decode())
            elif part == "T":
                fields = Reader(self.raw(*self.row("I")), self.what)
                while fields.at < len(fields.data):
                    tag, count = fields.row("HI")
                    values.append(tag)
                    fields.raw(count)
            else:
                values += struct.unpack("<" + part, self.raw(struct.calcsize("<" + part)))
        return values

    def list(self, read):
        return [read() for _ in range(*self.row("I"))]

    def rows(self, form):
        return self.list(lambda: self.row(form))

    def varint(self):
        value = shift = 0
        while True:
            byte, = self.raw(1)
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value >> 1 if value & 1 == 0 else -(value >> 1) - 1
            shift += 7

    def finish(self, *form):
        """Only fields that this reader does not know may follow."""
        for part in form:
            self.row(part)
        check(self.at == len(self.data), f"{self.what} has more than it should")


def unzstd(data, byte_count):
    if len(data) == byte_count:
        return data
    raw = zstandard.ZstdDecompressor(
        format=zstandard.FORMAT_ZSTD1_MAGICLESS, max_window_size=1 << 27
    ).decompressobj().decompress(data)
    check(len(raw) == byte_count, "zstd gives another byte count")
    return raw


def block(data, magic, what):
    """The body of what an object other than a segment holds."""
    found, version, flags, raw_byte_count, _ = struct.unpack_from("<4sHHQQ", data)
    check(found == magic and version == 1 and flags == 0, f"{what} is of another kind or version")
    return Reader(unzstd(data[24:], raw_byte_count), what)


def derive(key, salt, info):
    return HKDF(algorithm=SHA256(), length=32, salt=salt, info=info).derive(key)


def unwrap(key, wrapped, data):
    try:
        return AESGCM(key).decrypt(wrapped[:12], wrapped[12:], data)
    except InvalidTag:
        raise Denied("the key does not open the pool") from None


class Pool:
    def __init__(self, directory, key_file):
        self.directory = directory
        with open(key_file) as file:
            lines = [line for line in file.read().split("\n") if line and line[0] != "#"]
        check(lines[0] == "coppice pool key 1", "no key file of version 1")
        key = dict(line.split(" ", 1) for line in lines[1:])
        self.id = bytes.fromhex(key["pool"].replace("-", ""))
        data = self.read("pool")
        header = self.header(data, HEAD, 0)
        if header["pool"] != self.id:
            raise Denied("the key is of another pool")
        self.table = data[header["end"]:]
        self.open_keys(int(key["wrapper"]), bytes.fromhex(key["key"]))

    def read(self, key):
        with open(os.path.join(self.directory, key), "rb") as file:
            return file.read()

    def header(self, data, kind, name):
        """What the header says, once it is the one of that object."""
        check(len(data) >= HEADER, "no object")
        magic, version, found, flags, pool, number, key, shift, byte_count, salt = (
            struct.unpack_from("<4sHBB16sQIB3xQ32s", data))
        check(magic == b"CpPo" and version == 1 and flags == 0, "another kind or version")
        check(found == kind and number == name and shift == 16, "another object")
        count = max(1, -(-byte_count // BOX))
        return {"pool": pool, "key": key, "salt": salt, "count": count,
                "end": HEADER + byte_count + TAG * count}

    def open_keys(self, wrapper, outer):
        check(self.table[:8] == b"CpPk\x01\0\0\0", "no table of keys")
        reader = Reader(self.table[16:], "table of keys")
        wrappers, keys = reader.rows("IHH16s60st"), reader.rows("IIHHq60s")
        reader.finish("T")
        lines = [words("wrapper", w[0], w[1], w[5]) for w in wrappers]
        self.key_lines = lines + [words("key", *key[:3], key[4]) for key in keys]
        root, self.keys = None, {}
        for number, kind, _, salt, wrapped, _ in wrappers:
            if number == wrapper and kind == 1:
                name = self.id + struct.pack("<I", number)
                key = derive(outer, salt, b"coppice pool wrapper 1" + name)
                root = unwrap(key, wrapped, name + struct.pack("<H", kind))
        if root is None:
            raise Denied("the wrapper of this key is gone")
        for number, domain, state, _, created_at, wrapped in keys:
            if state != 3:
                name = self.id + struct.pack("<I", number)
                key = derive(root, None, b"coppice pool key 1" + name)
                data = name + struct.pack("<Iq", domain, created_at)
                self.keys[number] = unwrap(key, wrapped, data)

    def content(self, object_key, kind, name):
        """All boxes of an object, opened."""
        data = self.read(object_key)
        header = self.header(data, kind, name)
        check(header["pool"] == self.id, "an object of another pool")
        end = header["end"]
        check(kind == HEAD or end == len(data), f"{object_key} has another byte count")
        check(header["key"] in self.keys, f"no key for {object_key}")
        info = b"coppice pool 1" + struct.pack("<B16sQ", kind, self.id, name)
        cipher = AESGCM(derive(self.keys[header["key"]], header["salt"], info))
        content = []
        for box in range(header["count"]):
            start = HEADER + box * (BOX + TAG)
            is_last = box == header["count"] - 1
            try:
                content.append(cipher.decrypt(
                    struct.pack("<QI", box, 0), data[start:min(start + BOX + TAG, end)],
                    data[:HEADER] + struct.pack("<QB", box, is_last)))
            except InvalidTag:
                raise Bad(f"{object_key}: box {box} is not what was sealed") from None
        return b"".join(content)

    def head_lines(self):
        reader = block(self.content("pool", HEAD, 0), b"CpPh", "head")
        sequence, _ = reader.row("Q16s")
        lines = [words("receipt", *row) for row in reader.rows("HQ")]
        digest, _, _, incompatible = reader.row("32sQQQ")
        check(digest == hashlib.sha256(self.table).digest(), "another table of keys")
        check(incompatible == 0, "the pool is of a newer version")
        page_shift, node_shift, hash_kind, _, _ = reader.row("BBBB192s")
        check(node_shift == 8 and hash_kind == 1, "another kind of pool")
        lines.insert(0, words("head", sequence, 1 << page_shift, *reader.row("QHQQt")))
        for what, form in [("domain", "IHHt"), ("member", "HBB16st"), ("block", "IIH"),
                           ("branch", "QHt")]:
            lines += [words(what, *row) for row in reader.rows(form)]
        reader.finish("T")
        return lines

    def member_lines(self, key):
        name = bytes.fromhex(key.split("/")[1])
        content = self.content(key, MEMBER, *struct.unpack("<Q", name[:8]))
        reader = block(content, b"CpPm", "member")
        revision, receipts = reader.row("Q16s"), reader.rows("HQ")
        found, number, state, _ = reader.row("16sHBB")
        check(found == name, "another member")
        lines = [words(key, revision[0], len(receipts), number, state, *reader.row("QQQQQq"))]
        lines += reader.list(lambda: self.entry(reader))
        lines += [words("  anchor", *row) for row in reader.rows("HQ")]
        lines += reader.list(lambda: words(
            "  intent", *reader.row("QIII"), "on", *sum(reader.rows("HQ"), [])))
        lines += [words("  published", *row) for row in reader.rows("IIII")]
        lines += [words("  shredded", *row) for row in reader.rows("I")]
        reader.finish("T")
        return lines

    @staticmethod
    def entry(reader):
        start = reader.row("QQIIIQ")
        low, high, name, _, last = reader.row("QQQII")
        return words(
            "  entry", *start, named(name), f"{high:016x}{low:016x}", last >> 24,
            *reader.row("QqqqqiIQqqqQQHt"), "tags", *reader.row("T"),
            "pins", *sum(reader.rows("HHQq"), []))

    def segment_lines(self, key):
        number = int(key.split("/")[2], 16)
        content = self.content(key, SEGMENT, number)
        magic, version, _, uuid, found, _, domain = struct.unpack_from("<4sHH16sQ12sI", content)
        check(magic == b"CpSg" and version == 1 and uuid == self.id and found == number,
              "another segment")
        magic, offset, byte_count, raw_byte_count, frames, _ = struct.unpack_from(
            "<4sIIIII", content, len(content) - 32)
        check(magic == b"CpIx" and offset + byte_count + 32 == len(content), "no index")
        index = content[offset:offset + byte_count]
        low = struct.unpack_from(f"<{frames}Q", index)
        high = struct.unpack_from(f"<{frames}Q", index, 8 * frames)
        reader = Reader(unzstd(index[16 * frames:], raw_byte_count - 16 * frames), "index")
        lines, done = [words(key, domain, len(content), frames)], 0
        while done < frames:
            place, ordinal, count, flags, lsn = reader.row("IIIIQ")
            lines.append(words("  bundle", place, ordinal, count, flags, lsn))
            place += 64
            for form, stored, volume, page, base, home in self.frames(reader, count, flags & 1):
                lines.append(words(
                    "    frame", named(home or number << 24 | ordinal), form, place, stored,
                    volume, page, named(base), f"{high[done]:016x}{low[done]:016x}"))
                place, ordinal, done = place + stored, ordinal + 1, done + 1
        reader.finish()
        return lines

    @staticmethod
    def frames(reader, count, has_home_names):
        """The columns of a directory: form, stored byte count, volume, page, base, home."""
        forms, low, middle, high = (reader.raw(count) for _ in range(4))

        def column(rows, step):
            values, last = {}, 0
            for row in rows:
                values[row] = last + reader.varint()
                last = values[row] + step
            return values
        volumes, pages = column(range(count), 0), column(range(count), 1)
        bases = column([row for row in range(count) if forms[row] & 15 in (2, 4)], 1)
        homes = column(range(count) if has_home_names else [], 1)
        return [(forms[row], low[row] | middle[row] << 8 | high[row] << 16, volumes[row],
                 pages[row], bases.get(row, 0), homes.get(row, 0)) for row in range(count)]

    def retired_lines(self, key):
        cycle = int(key.split("/")[1])
        reader = block(self.content(key, RETIRED, cycle), b"CpPr", "retired table")
        check(reader.row("Q") == [cycle], "another retired table")
        lines = reader.list(lambda: words(
            "  retired", *reader.row("Q"), *sum(reader.rows("Q"), [])))
        reader.finish()
        return [key, *lines]

    def lines(self):
        lines = [words("pool", self.id), *self.key_lines, *self.head_lines()]
        kinds = {"members": self.member_lines, "segments": self.segment_lines,
                 "retired": self.retired_lines}
        found = [os.path.relpath(os.path.join(folder, file), self.directory)
                 for folder, _, files in os.walk(self.directory) for file in files]
        for key in sorted(found):
            if key != "pool":
                lines += kinds[key.split("/")[0]](key)
        return lines


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    try:
        print("\n".join(Pool(sys.argv[1], sys.argv[2]).lines()))
    except Denied as error:
        print(f"read_pool: {error}", file=sys.stderr)
        sys.exit(6)
    except (Bad, zstandard.ZstdError, struct.error, KeyError) as error:
        print(f"read_pool: {error}", file=sys.stderr)
        sys.exit(1)
