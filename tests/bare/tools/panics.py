#!/usr/bin/env python3
"""Lists the panics that are linked into programs; tests/panics calls it and tells more.

    panics.py ALLOWED all ELF...     for programs whose every panic has to be allowed
    panics.py ALLOWED own ELF...     for programs with more in them than the library
"""

import re
import sys
from collections import defaultdict
from pathlib import Path

import llvm
from elf import SHF_ALLOC, SHT_NOBITS, Elf

ROOT = Path(__file__).resolve().parents[3]
# What a program has by way of the library only; heapless it may use by itself.
OWN = {'sansocket', 'httparse', 'miniz_oxide'}
# Functions of core that panics go through, and what the panic handler is called.
PANICS = re.compile(r'core::panicking|core::.*(_fail|_failed)\b|rust_begin_unwind')


def cannot(why):
    """There is no way to tell."""
    print(why, file=sys.stderr)
    sys.exit(3)


def locations(elf):
    """Every `core::panic::Location` in the constants, as a path and a line.

    Each way to panic has one, as it says where it came from: the address and length of a path,
    a line and a column.
    """
    found = set()
    for section in elf.sections:
        if not section.flags & SHF_ALLOC or section.kind == SHT_NOBITS:
            continue
        end = section.offset + section.size - 2 * elf.word - 8
        for offset in range(section.offset, end + 1, 4):
            address, length, line, column = elf.unpack('WWII', offset)
            if not (3 < length < 1000 and 0 < line < 100_000 and 0 < column < 1000):
                continue
            start = elf.offset_of(address)
            path = elf.bytes[start:start + length].rstrip(b'\0') if start else b''
            if path.endswith(b'.rs') and path.isascii():
                found.add((path.decode(), line))
    return found


def callers(elf):
    """Of the places in core that panic, the places outside that they were inlined into."""
    found = defaultdict(set)
    calls = [address for address, text in llvm.instructions(elf) if PANICS.search(text)]
    for _, frames in llvm.places(elf, calls, ROOT):
        outside = next((frame for frame in frames if frame.crate not in llvm.RUST), None)
        for inside in frames:
            if outside is None or inside.crate not in llvm.RUST:
                break
            found[inside.file, inside.line].add(outside)
    return found


def panics(elf):
    """The places that can panic."""
    found = set()
    known = None
    for path, line in locations(elf):
        place = llvm.place(path, ROOT, line)
        if place.crate in llvm.RUST:
            known = callers(elf) if known is None else known
            found |= known.get((place.file, line)) or {place}
        else:
            found.add(place)
    if not found and any(PANICS.search(text) for _, text in llvm.instructions(elf)):
        cannot(f'{elf.path}: it can panic, but where is not in it: '
               'its panic handler has to look at the location')
    return found


def source(place):
    """The line itself, if its file is there."""
    for path in (Path(place.path), ROOT / place.path):
        if path.is_file():
            lines = path.read_text(encoding='utf-8').splitlines()
            return lines[place.line - 1].strip() if place.line <= len(lines) else ''
    return ''


def read_allowed(path):
    """The entries `crate file | line or * | why`, each with how often it was used."""
    entries = {}
    for number, line in enumerate(Path(path).read_text(encoding='utf-8').splitlines(), 1):
        if not line.strip() or line.startswith('#'):
            continue
        fields = [field.strip() for field in line.split(' | ')]
        if len(fields) != 3 or not all(fields):
            cannot(f'{path}:{number}: not three fields between " | ": {line}')
        entries[fields[0], fields[1]] = 0
    return entries


def main():
    allowed_path, scope, *programs = sys.argv[1:]
    entries = read_allowed(allowed_path)
    bad = 0
    for path in programs:
        try:
            elf = Elf(path)
        except (OSError, ValueError) as error:
            cannot(error)
        found = panics(elf)
        ours = {p for p in found if scope == 'all' or p.crate in OWN}
        new = 0
        for place in sorted(ours):
            where, text = f'{place.crate} {place.file}', source(place)
            key = next((k for k in ((where, text), (where, '*')) if k in entries), None)
            if key:
                entries[key] += 1
                continue
            new += 1
            print(f'{path}: not allowed: {where} | {text}   (line {place.line})')
        own = sum(p.crate == 'sansocket' for p in ours)
        print(f'{path}: {own} panics in sansocket, {len(ours) - own} in its '
              f'dependencies, {new} not allowed; {len(found) - len(ours)} elsewhere')
        bad += new
    if scope == 'all':
        for (where, text), count in entries.items():
            if count == 0:
                print(f'{allowed_path}: no program has this any more: {where} | {text}')
                bad += 1
    print(f'{len(programs)} programs, {bad} faults')
    sys.exit(bad > 0)


try:
    main()
except llvm.NoTool as error:
    cannot(error)
