#!/usr/bin/env python3
"""Prints what the programs of tests/bare cost, as a table in Markdown; tests/sizes calls it.

    sizes.py DIRECTORY     the directory that the programs are in
"""

import sys
from collections import Counter
from pathlib import Path

import llvm
from elf import SHF_ALLOC, SHF_EXECINSTR, SHF_WRITE, Elf

ROOT = Path(__file__).resolve().parents[3]
PROGRAMS = {
    'frames': 'frames alone: headers and masks',
    'server': 'server',
    'client': 'client',
    'inflate': 'server that decompresses, window 2^9',
    'deflate': 'server that compresses too, 2^9 both ways',
}


def sections(elf):
    """The bytes of code and of constants that go to flash.

    The tables for unwinding are not counted: firmware does not load them.
    """
    code = constants = 0
    for section in elf.sections:
        if not section.flags & SHF_ALLOC or section.name.startswith('.ARM.ex'):
            continue
        if section.flags & SHF_EXECINSTR:
            code += section.size
        elif not section.flags & SHF_WRITE:
            constants += section.size
    return code, constants


def shares(elf):
    """Whose the code is, in bytes: what Rust's own crates give to a crate counts as that crate's."""
    counts = Counter()
    code = [s for s in elf.sections if s.flags & SHF_EXECINSTR and s.flags & SHF_ALLOC]
    addresses = [a for s in code for a in range(s.address, s.address + s.size, 2)]
    for _, frames in llvm.places(elf, addresses, ROOT):
        crates = [frame.crate for frame in frames]
        crate = next((c for c in crates if c not in llvm.RUST), 'core')
        counts[crate if crate in ('sansocket', 'core', 'program') else 'others'] += 2
    return counts


def ram(elf):
    """What the symbols of the program `ram` say, in bytes."""
    return {symbol.name: elf.unpack('W', elf.offset_of(symbol.address))[0]
            for symbol in elf.symbols if symbol.name.startswith('RAM_')}


def main():
    directory = Path(sys.argv[1])
    nothing = sections(Elf(directory / 'nothing'))
    memory = ram(Elf(directory / 'ram'))
    print('| program | flash | code of sansocket | of its dependencies | of core | constants '
          '| RAM beside the message |')
    print('|---|---:|---:|---:|---:|---:|---:|')
    for name, title in PROGRAMS.items():
        elf = Elf(directory / name)
        code, constants = (new - old for new, old in zip(sections(elf), nothing))
        owners = shares(elf)
        core = code - owners['sansocket'] - owners['others']
        beside = memory[f'RAM_{name.upper()}']
        beside -= memory['RAM_MESSAGE'] if beside else 0
        numbers = (code + constants, owners['sansocket'], owners['others'], core, constants, beside)
        print(f'| {title} |', ' | '.join(f'{number:,}' for number in numbers), '|')


main()
