# SPDX-License-Identifier: Apache-2.0

"""Every command that documents and help show is typed, or accounted for."""

import configparser
import contextlib
import re
import shlex
import subprocess
import sys

import pytest

from tests import documented
from tests.unit import desk as desks


SHOWN = documented.of_kind(documented.DESK)

#: What begins a line that a shell is to run.
PROGRAMS = (
    r'(ecrae(-\w+)?|openstack|pip|tempest|python3?|sudo|apt(-get)?|systemctl'
    r'|mysql|mariadb(-dump)?|pg_dump|psql|dropdb|createdb|git|cp|tools/\w+) '
)

FAULTY = """
ecrae_knowledge: 1
flavors: {tiny: {vcpus: 0, memory_mib: 512, disk_gib: 1}}
hosts: {compute 7: {node_type: arm-altra}}
"""


@pytest.fixture(scope='module')
def template(tmp_path_factory):
    folder = tmp_path_factory.mktemp('desk')
    desks.lay(folder)
    return folder


@pytest.fixture
def desk(template, tmp_path, monkeypatch, capsys, requests_mock):
    monkeypatch.chdir(tmp_path)
    desks.copy(template, tmp_path, requests_mock)
    return desks.Desk(tmp_path, monkeypatch, capsys)


def _type(desk, shown):
    """Type a line with the identifiers that the desk has."""
    line = desks.as_here(shown.line, desk.folder)
    if line.startswith('python '):
        words = [sys.executable, *shlex.split(line)[1:]]
        assert subprocess.check_output(words, text=True).strip()
        return
    program, name, _ = documented.command_of(line)
    if program == 'ecrae' and name.split()[0] == 'proposal':
        line = line.replace(desks.PLAN, desk.plan())
    line = line.replace('decision show ID', f'decision show {desks.DECISION}')
    if name == 'kb revert':
        desk.type('ecrae-manage kb set tag web-frontend description=other')
        line = f'ecrae-manage kb revert {desk.newest_change()}'
    if shown.output:
        # What is shown is the answer to a file with these faults.
        (desk.folder / 'mine.yaml').write_text(FAULTY)
    code, output, errors = desk.type(line)
    if shown.output:
        said = ' '.join(errors.split())
        assert (code, said) == (1, ' '.join(shown.output.split())), line
    else:
        assert code == 0, f'{shown.where}: {line}: {errors}'
        assert 'Traceback' not in output + errors


def _type_about_migration(desk, hosts, shown):
    line = desks.as_here(shown.line, desk.folder)
    _, name, _ = documented.command_of(line)

    def typed(migration):
        said = re.sub(rf' (ID|{desks.MIGRATION})\b', f' {migration}', line)
        code, _, errors = desk.type(said)
        assert code == 0, f'{shown.where}: {line}: {errors}'

    if name == 'migration cancel':
        with hosts.moving(desk.monkeypatch) as migration:
            typed(migration)
    elif name == 'migration give-back':
        typed(hosts.stranded())
        assert hosts.copies('web') == {('compute-1', 'running')}
    elif name == 'migration show':
        typed(hosts.moved())
    else:
        hosts.reset()
        typed('')


def _is_about_hosts(shown):
    return re.match(r'ecrae (agent|migrate|migration) ', shown.line + ' ')


@pytest.mark.parametrize('where', SHOWN)
def test_what_is_shown_runs(desk, where):
    if not where.startswith('help:'):
        desk.write(documented.documents(documented.TOP / where))
    with contextlib.ExitStack() as stack:
        hosts = None
        for shown in SHOWN[where]:
            if _is_about_hosts(shown):
                hosts = hosts or stack.enter_context(desk.hosts())
                _type_about_migration(desk, hosts, shown)
            else:
                _type(desk, shown)


def test_each_line_is_of_one_class():
    shown = documented.everything()
    assert len(shown) > 150
    assert {each.kind for each in shown} == {
        documented.DESK,
        documented.CLOUD,
        documented.TEMPEST,
        documented.DATABASE,
        documented.TOOLS,
        documented.INSTALL,
    }


@pytest.mark.parametrize('page', documented.PAGES, ids=lambda page: page.name)
def test_commands_stand_where_they_are_found(page):
    """In blocks of the language console, behind a dollar."""
    text = page.read_text()
    for block in documented.console_blocks(text):
        assert block.lstrip().startswith('$ '), block
    literal = re.findall(r'::\n\n((?: +.*\n|\n)+)', text)
    for block in literal:
        if page.name == 'ecrae-status.rst' and '[--' in block:
            continue
        lines = [line.strip() for line in block.splitlines()]
        assert not [line for line in lines if re.match(PROGRAMS, line)]


#: In a sentence: a program, a command, and perhaps options.
MENTIONS = sorted(
    {
        (page.name, ' '.join(line.split()))
        for page in documented.PAGES
        for line in re.findall(
            r'``((?:openstack\s+)?ecrae(?:-manage)?\s+[a-z][^`\[]*)``',
            page.read_text(),
        )
        if not line.endswith('.conf')
    }
)


def test_sentences_speak_of_commands_that_exist():
    assert len(MENTIONS) > 30
    for page, line in MENTIONS:
        if re.fullmatch('ecrae(-manage)? [a-z]+', line):
            group = line.partition(' ')[2]
            registry = documented.REGISTRIES[line.split()[0]]
            assert {n for n in registry if n.split()[0] == group}, page
            continue
        program, name, rest = documented.command_of(line)
        command = documented.load(documented.REGISTRIES[program][name])
        known = command(None, None).get_parser(name)._option_string_actions
        options = {word for word in rest if word.startswith('--')}
        assert options <= {*known, '--help'}, f'{page}: {line}'


@pytest.mark.parametrize('where', documented.of_kind(documented.TOOLS))
def test_tools_have_what_is_shown(where):
    for shown in documented.of_kind(documented.TOOLS)[where]:
        line = re.sub(r'eval "\$\((.*)\)"', r'\1', shown.line)
        words = shlex.split(line.partition(' -- ')[0])
        tool, *rest = words
        command = [each for each in rest if not each.startswith('-')][:1]
        asked = [documented.TOP / tool, *command, '--help']
        if tool == 'tools/test':
            asked = [documented.TOP / tool, '--help']
        done = subprocess.run(
            asked, capture_output=True, text=True, check=True
        )
        missing = [word for word in command if word not in done.stdout]
        missing += [
            word
            for word in rest
            if word.startswith('-') and word not in done.stdout
        ]
        assert not missing, shown.line


def test_what_is_installed_has_the_extras_that_are_named():
    setup = configparser.ConfigParser()
    setup.read(documented.TOP / 'setup.cfg')
    for where, lines in documented.of_kind(documented.INSTALL).items():
        for shown in lines:
            named = shlex.split(shown.line)[2:]
            for word in named:
                name, _, extras = word.rstrip(']').partition('[')
                assert name in ('ecrae', 'tempest', '.', '--no-deps'), where
                assert set(filter(None, extras.split(','))) <= set(
                    setup['extras']
                ), where
