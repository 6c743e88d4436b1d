"""Reads what is needed of an ELF file: its sections, their bytes, and its symbols."""

import struct
from collections import namedtuple

Section = namedtuple('Section', 'name kind flags address offset size link')
Symbol = namedtuple('Symbol', 'name address size kind')

SHT_SYMTAB = 2
SHT_NOBITS = 8
SHF_WRITE = 1
SHF_ALLOC = 2
SHF_EXECINSTR = 4


class Elf:
    """An ELF file of either word size and byte order."""

    def __init__(self, path):
        self.path = path
        with open(path, 'rb') as file:
            self.bytes = file.read()
        if self.bytes[:4] != b'\x7fELF':
            raise ValueError(f'{path}: not an ELF file')
        self.word = 4 * self.bytes[4]
        self.order = '<' if self.bytes[5] == 1 else '>'
        self.sections = self._sections()
        self.symbols = self._symbols()

    def unpack(self, form, offset):
        """The numbers at an offset of the file; `W` in the form is a word of the target."""
        form = self.order + form.replace('W', 'I' if self.word == 4 else 'Q')
        return struct.unpack_from(form, self.bytes, offset)

    def data(self, section):
        """The bytes of a section."""
        if section.kind == SHT_NOBITS:
            return bytes(section.size)
        return self.bytes[section.offset:section.offset + section.size]

    def section_at(self, address):
        """The section that is loaded there, if any."""
        for section in self.sections:
            if section.flags & SHF_ALLOC and 0 <= address - section.address < section.size:
                return section
        return None

    def offset_of(self, address):
        """Where in the file is what is loaded there; `None` for nothing."""
        section = self.section_at(address)
        if section is None or section.kind == SHT_NOBITS:
            return None
        return section.offset + address - section.address

    def _sections(self):
        head = 24 + self.word
        _, table = self.unpack('WW', head)
        entry_size, count, names = self.unpack('HHH', head + 2 * self.word + 4 + 6)
        raw = []
        for index in range(count):
            at = table + index * entry_size
            raw.append(self.unpack('IIWWWWI', at))
        strings = raw[names][4]
        return [Section(self._string(strings + name), kind, flags, address, offset, size, link)
                for name, kind, flags, address, offset, size, link in raw]

    def _symbols(self):
        symbols = []
        for section in self.sections:
            if section.kind != SHT_SYMTAB:
                continue
            strings = self.sections[section.link].offset
            form = 'IIIBBH' if self.word == 4 else 'IBBHQQ'
            for offset in range(section.offset, section.offset + section.size,
                                struct.calcsize('=' + form)):
                fields = self.unpack(form, offset)
                if self.word == 4:
                    name, address, size, info, _, _ = fields
                else:
                    name, info, _, _, address, size = fields
                symbols.append(Symbol(self._string(strings + name), address, size, info & 15))
        return symbols

    def _string(self, offset):
        return self.bytes[offset:self.bytes.index(b'\0', offset)].decode()
