"""Asks LLVM's tools what is in an ELF file, and tells from its paths which crate a file is of."""

import functools
import glob
import json
import os
import re
import shutil
import subprocess
import sys
from collections import namedtuple

# `crate` is what Cargo calls it, `file` its path in there, `line` 0 if it is not known.
Place = namedtuple('Place', 'crate file line function path')

REGISTRY = re.compile(r'/registry/src/[^/]+/([A-Za-z0-9_-]+?)-\d[^/]*/(.*)')
LIBRARY = re.compile(r'/library/(core|alloc|compiler-builtins)/(.*)')
RUST = {'core', 'alloc', 'compiler-builtins'}


class NoTool(Exception):
    """A tool is neither there nor can be installed."""


@functools.cache
def tool(name):
    """The newest of LLVM's tools with this name, installed if need be."""
    found = find_tool(name)
    if not found and shutil.which('apt-get'):
        print('installing llvm', file=sys.stderr)
        install = ['apt-get', 'install', '-y', '--no-install-recommends', 'llvm']
        subprocess.run(install if os.geteuid() == 0 else ['sudo', '-n', *install],
                       stdout=sys.stderr, check=False)
        found = find_tool(name)
    if not found:
        raise NoTool(f'needs {name} (Debian: llvm)')
    return found


def find_tool(name):
    """The newest of LLVM's tools with this name; `None` if there is none."""
    found = sorted(glob.glob(f'/usr/lib/llvm-*/bin/{name}'),
                   key=lambda path: int(re.search(r'llvm-(\d+)', path)[1]))
    return found[-1] if found else shutil.which(name)


def place(path, root, line=0, function=''):
    """Where a file is: in the library, in another crate, or in a crate of Rust itself.

    The compiler names the files of the package that it was called for by their path in there, and
    others in full. The library may have been built in another checkout than this one.
    """
    for pattern in (REGISTRY, LIBRARY):
        if match := pattern.search(path):
            return Place(match[1], match[2], line, function, path)
    in_root = path.removeprefix(f'{root}/')
    if match := re.match(r'/.*?/(src/.*)', path):
        is_own = in_root.startswith('src/') if in_root != path else (root / match[1]).is_file()
        if is_own:
            return Place('sansocket', match[1], line, function, path)
    return Place('program', in_root, line, function, path)


def places(elf, addresses, root):
    """Of each address the places that its code is from, the innermost inlined function first."""
    command = [tool('llvm-symbolizer'), f'--obj={elf.path}', '--output-style=JSON', '--inlines']
    asked = '\n'.join(map(hex, addresses))
    answers = subprocess.run(command, input=asked, stdout=subprocess.PIPE, text=True, check=True)
    for address, answer in zip(addresses, answers.stdout.splitlines()):
        frames = json.loads(answer).get('Symbol', [])
        yield address, [place(f['FileName'], root, f['Line'], f['FunctionName'])
                        for f in frames if f['FileName']]


def instructions(elf):
    """The disassembled instructions: of each its address and its text, with symbols."""
    command = [tool('llvm-objdump'), '--disassemble', '--no-show-raw-insn',
               '--demangle', elf.path]
    listing = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    for line in listing.splitlines():
        if match := re.match(r'\s*([0-9a-f]+):\s+(.*)', line):
            yield int(match[1], 16), match[2]
