#!/usr/bin/python3
"""Restores an entry of a pool that lies in a directory to files, by its key file.

    restore_pool.py DIRECTORY KEYFILE NAME TARGET

NAME is `branch` or `branch@snapshot`; its newest live state is taken. As read_pool.py, which it
uses, from the two articles alone. Every box is authenticated; hashes are not computed.
"""
import os
import struct
import sys
import zstandard
from read_pool import MEMBER, SEGMENT, Bad, Denied, Pool, Reader, block, check, named, unzstd

SLOTS, HOLE, REGULAR, DIRECTORY, LINK = 256, None, 1, 2, 3


class Restore:
    def __init__(self, pool, name):
        self.pool, self.contents, self.pages, self.nodes = pool, {}, {}, {}
        head = block(pool.content("pool", 1, 0), b"CpPh", "head")
        head.row("Q16s")
        head.rows("HQ")
        head.row("32sQQQ")
        self.page_byte_count = 1 << head.row("BBBB192s")[0]
        found = [entry for entry in self.entries() if entry[1] == name]
        check(found, f"no live entry {name}")
        self.root = max(found)[2]

    def entries(self):
        """The live ones: when each was published, its name, the locator of its root."""
        folder = os.path.join(self.pool.directory, "members")
        for file in os.listdir(folder):
            number = bytes.fromhex(file)
            content = self.pool.content(f"members/{file}", MEMBER, *struct.unpack("<Q", number[:8]))
            reader = block(content, b"CpPm", "member")
            reader.row("Q16s")
            reader.rows("HQ")
            reader.row("16sHBBQQQQQq")
            for _ in range(*reader.row("I")):
                flags = reader.row("QQIIIQ")[3]
                root = reader.row("QQQII")[2:]
                values = reader.row("QqqqqiIQqqqQQHtT")
                reader.rows("HHQq")
                if flags & (2 | 16) == 0:
                    yield values[2], values[14], self.locator(*root)

    @staticmethod
    def locator(name, offset, last):
        return (name, offset, last & 0xFFFFFF, last >> 24) if name else HOLE

    def stored(self, locator):
        name, offset, byte_count, _ = locator
        number = name >> 24
        if number not in self.contents:
            key = f"segments/{number & 0xFF:02x}/{number:08x}"
            self.contents[number] = self.pool.content(key, SEGMENT, number)
        return self.contents[number][offset:offset + byte_count]

    def base(self, stored):
        return self.locator(*struct.unpack_from("<QII", stored)), stored[16:]

    def page(self, locator):
        if locator is HOLE:
            return bytes(self.page_byte_count)
        stored, encoding = self.stored(locator), locator[3] & 15
        if encoding == 0:
            return stored
        prefix = None
        if encoding == 2:
            base, stored = self.base(stored)
            prefix = zstandard.ZstdCompressionDict(
                self.page(base), dict_type=zstandard.DICT_TYPE_RAWCONTENT)
        codec = zstandard.ZstdDecompressor(
            dict_data=prefix, format=zstandard.FORMAT_ZSTD1_MAGICLESS)
        page = codec.decompressobj().decompress(stored)
        check(len(page) == self.page_byte_count, f"page {named(locator[0])} is not whole")
        return page

    def node(self, locator):
        """Level, first key, byte count, and the locators of 256 slots."""
        if locator[0] in self.nodes:
            return self.nodes[locator[0]]
        stored, slots = self.stored(locator), [HOLE] * SLOTS
        if locator[3] & 15 == 4:
            base, stored = self.base(stored)
            slots = list(self.node(base)[3])
        magic, version, _, level, flags, count, hashes, raw, first = (
            struct.unpack_from("<4sBBBBHHH2xQ", stored))
        check(magic == b"CpNd" and version == 1, f"no node at {named(locator[0])}")
        at, byte_count = 48, 0
        if flags & 2:
            byte_count, _ = struct.unpack_from("<Qq", stored, 48)
            at = 64
        columns = stored[at:len(stored) - 16 * hashes]
        if flags & 1:
            columns = unzstd(columns, raw)
        for slot, child in self.columns(Reader(columns, "columns"), count):
            slots[slot] = child
        self.nodes[locator[0]] = level, first, byte_count, slots
        return self.nodes[locator[0]]

    def columns(self, reader, count):
        shape, = reader.row("B")
        if count == SLOTS:
            slots = list(range(SLOTS))
        elif count <= 32:
            slots = list(reader.raw(count))
        else:
            bits = int.from_bytes(reader.raw(32), "little")
            slots = [slot for slot in range(SLOTS) if bits >> slot & 1]
        forms = list(reader.raw(min(1, count)) * count if shape & 4 else reader.raw(count))
        present = [row for row in range(count) if forms[row]]
        lengths = [0] * len(present)
        for plane, flag in [(0, 0), (8, 8), (16, 16)]:
            if not shape & flag:
                for row, byte in enumerate(reader.raw(len(present))):
                    lengths[row] |= byte << plane
        children = dict.fromkeys(slots, HOLE)
        if present:
            name, offset = reader.row("QI")
            rest = range(len(present) - 1)
            steps = [0 if shape & 1 else reader.varint() for _ in rest]
            strides = [0 if shape & 1 else reader.varint() for _ in rest]
            gaps = [0 if shape & 2 else reader.varint() for _ in rest]
            segment, ordinal = name >> 24, name & 0xFFFFFF
            for row, place in enumerate(present):
                if row > 0:
                    segment, ordinal = segment + steps[row - 1], ordinal + 1 + strides[row - 1]
                    offset += lengths[row - 1] + gaps[row - 1]
                children[slots[place]] = (
                    segment << 24 | ordinal, offset, lengths[row], forms[place])
        reader.finish()
        return children.items()

    def find(self, top, key):
        """What a tree has at a key; a hole where it has nothing."""
        while top is not HOLE:
            level, first, _, slots = self.node(top)
            if key - first >> 8 * (level + 1):
                return HOLE
            top = slots[key >> 8 * level & 0xFF]
            if level == 0:
                return top
        return HOLE

    def volume(self, number):
        top = self.find(self.root, number)
        return None if top is HOLE else (top, self.node(top)[2])

    def write(self, number, path):
        with open(path, "wb") as file:
            found = self.volume(number)
            if found:
                top, byte_count = found
                for start in range(0, byte_count, self.page_byte_count):
                    locator = self.find(top, start // self.page_byte_count)
                    if locator is not HOLE:
                        file.seek(start)
                        file.write(self.page(locator)[:byte_count - start])
                file.truncate(byte_count)

    # Names

    def name_page(self, number):
        return self.page(self.find(self.names, number))

    def cells(self, number):
        """Keys and values below a page of names."""
        page = self.name_page(number)
        magic, kind, _, count = struct.unpack_from("<4sBBH", page)
        check(magic == b"CNPG" and kind in (1, 2), "no page of names")
        for slot in struct.unpack_from(f"<{count}H", page, 24):
            key_count, word = struct.unpack_from("<HH", page, slot)
            value = page[slot + 4 + key_count:slot + 4 + key_count + (word & 0x7FFF)]
            if kind == 2:
                yield from self.cells(*struct.unpack("<I", value))
            else:
                yield page[slot + 4:slot + 4 + key_count], self.value(value, word >> 15)

    def value(self, cell, is_overflow):
        if not is_overflow:
            return cell
        byte_count, number, _ = struct.unpack("<IIQ", cell)
        value = b""
        while len(value) < byte_count:
            page = self.name_page(number)
            number, count = struct.unpack_from("<II", page, 16)
            value += page[24:24 + count]
        return value

    def restore(self, target):
        os.mkdir(target)
        self.names, _ = self.volume(0) or (HOLE, 0)
        if self.names is HOLE:
            return
        page = self.name_page(0)
        check(page[:4] == b"CNTR", "no tree of names")
        inodes, entries = {}, {}
        for key, value in self.cells(*struct.unpack_from("<I", page, 12)):
            number = int.from_bytes(key[1:6], "big")
            if key[0] == 1:
                inodes[number] = value
            elif key[0] == 2:
                file, = struct.unpack("<Q", value)
                entries.setdefault(number, []).append((key[6:], file & 0xFFFFFFFFFF))
        self.fill(1, os.fsencode(target), inodes, entries)

    def fill(self, directory, path, inodes, entries):
        for name, number in entries.get(directory, []):
            inode, place = inodes[number], os.path.join(path, name)
            _, kind, permissions = struct.unpack_from("<BBH", inode)
            contents, = struct.unpack_from("<I", inode, 20)
            if kind == LINK:
                os.symlink(inode[72 + (56 if contents & 1 else 0):], place)
                continue
            if kind == DIRECTORY:
                os.mkdir(place)
                self.fill(number, place, inodes, entries)
            elif kind == REGULAR:
                self.write(number, place)
            else:
                continue
            os.chmod(place, permissions & 0o7777)


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    try:
        Restore(Pool(sys.argv[1], sys.argv[2]), sys.argv[3]).restore(sys.argv[4])
    except Denied as error:
        print(f"restore_pool: {error}", file=sys.stderr)
        sys.exit(6)
    except (Bad, zstandard.ZstdError, struct.error, KeyError) as error:
        print(f"restore_pool: {error}", file=sys.stderr)
        sys.exit(1)
