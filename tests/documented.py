# SPDX-License-Identifier: Apache-2.0

"""Every command line that readers are shown, and where tests type it.

Readers are shown commands in blocks of the language ``console``, behind a
dollar, and in the examples of each command's help. Each line is of one class
below, and a test of that class types all lines of it: none is left out
because somebody forgot to list it.
"""

import dataclasses
import importlib
import pathlib
import re
import shlex
import textwrap

from ecrae.cmd import manage
from ecrae.cmd import shell


TOP = pathlib.Path(__file__).resolve().parents[1]
PAGES = sorted([TOP / 'README.rst', *(TOP / 'doc/source').rglob('*.rst')])
REGISTRIES = {'ecrae': shell.COMMANDS, 'ecrae-manage': manage.COMMANDS}

#: What runs on a folder of files, a knowledge base in SQLite and agents in
#: the same process: ``tests/unit/test_documented.py``.
DESK = 'desk'
#: What asks a cloud: ``tests/cloud/test_guides.py``.
CLOUD = 'cloud'
#: Tempest: ``tests/cloud/test_tempest.py``.
TEMPEST = 'tempest'
#: This repository's tools, whose options ``tests/unit/test_documented.py``
#: compares; the tests of the cloud start and stop it with them.
TOOLS = 'tools'
#: Clients of database servers: ``tests/database/test_rollback.py``.
DATABASE = 'database'
#: What installs: ``tests/packaging/test_wheel.py`` does, with each extra.
INSTALL = 'install'

_CLASSES = {
    DESK: (
        r'ecrae-manage |python -c |ecrae (plan|rebalance|proposal|agent'
        r'|complete|migration|migrate (?!nova:)|simulate (?!--history))'
    ),
    CLOUD: (
        r'openstack |ecrae-(rebalancer|status) |ecrae (hosts|servers|deploy'
        r'|explain|migrate nova:|simulate --history)'
    ),
    TEMPEST: r'tempest ',
    TOOLS: r'tools/|eval "\$\(tools/',
    DATABASE: r'(mariadb|mariadb-dump|pg_dump|psql|dropdb|createdb) ',
    INSTALL: r'pip install ',
}


@dataclasses.dataclass(frozen=True, order=True)
class Shown:
    """A command line, and what is shown below it."""

    #: The page below the repository's top, or ``help: COMMAND``.
    where: str
    #: Its place among the lines there.
    number: int
    line: str
    output: str = ''

    @property
    def kind(self):
        """Its class."""
        found = [
            name
            for name, pattern in _CLASSES.items()
            if re.match(pattern, self.line + ' ')
        ]
        assert len(found) == 1, f'{self.where}: {self.line}: in no class'
        return found[0]

    @property
    def program(self):
        """What is typed first."""
        return self.line.split()[0]


def _joined(text):
    """Text with continued lines as one."""
    return re.sub(r' *\\\n *', ' ', text)


def console_blocks(text):
    """Blocks of the language console, without their indentation."""
    found = re.findall(
        r'^( *)\.\. code-block:: console\n\n((?:\1 +.*\n|\n)+)', text, re.M
    )
    return [textwrap.dedent(body) for _, body in found]


def on_page(page):
    """Commands that a page shows, in its order."""
    where = str(page.relative_to(TOP))
    found = []
    for block in console_blocks(page.read_text()):
        for part in re.split(r'^\$ ', _joined(block), flags=re.M)[1:]:
            line, _, output = part.partition('\n')
            found.append(Shown(where, len(found), line, output.strip()))
    return found


def load(place):
    """A command's class."""
    module, _, name = place.partition(':')
    return getattr(importlib.import_module(module), name)


def in_help(program, name):
    """Examples of a command's help."""
    text = textwrap.dedent(load(REGISTRIES[program][name]).examples).strip()
    return [
        Shown(f'help: {program} {name}', number, line)
        for number, line in enumerate(_joined(text).splitlines())
    ]


def everything():
    """All that is shown anywhere."""
    pages = [shown for page in PAGES for shown in on_page(page)]
    helps = [
        shown
        for program, commands in REGISTRIES.items()
        for name in commands
        for shown in in_help(program, name)
    ]
    return [*pages, *helps]


def of_kind(kind):
    """Lines of a class, by the place where they are shown."""
    found = {}
    for shown in everything():
        if shown.kind == kind:
            found.setdefault(shown.where, []).append(shown)
    return found


def documents(page):
    """Files that a page tells to write, by name."""
    found = re.findall(
        r'``([\w.-]+\.(?:yaml|csv))``(?:[^`]|``)*?:\n\n'
        r'( *)\.\. code-block:: (?!console)\w+\n\n((?:\2 +.*\n|\n)+)',
        page.read_text(),
    )
    return {
        name: textwrap.dedent(body).strip('\n') + '\n'
        for name, _, body in found
    }


def command_of(line):
    """Program, command's name and arguments of a line for ECRAE."""
    words = shlex.split(re.split(r' [<>] ', line)[0], comments=True)
    program, words = words[0], words[1:]
    if program == 'openstack':
        start = words.index('ecrae')
        program, words = 'ecrae', words[start + 1 :]
    if words[0] == '--config-file':
        words = words[2:]
    for count in (2, 1):
        name = ' '.join(words[:count])
        if name in (*REGISTRIES[program], 'complete'):
            return program, name, words[count:]
    raise AssertionError(f'{line}: {program} has no such command')
