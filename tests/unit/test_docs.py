# SPDX-License-Identifier: Apache-2.0

"""Every command that the documents show is one that exists.

A line of a literal block that begins with a program of ECRAE's is parsed by
that program's own parser. What needs no server is run.
"""

import argparse
import importlib
import pathlib
import re
import shlex

import pytest

from ecrae.cmd import manage
from ecrae.cmd import shell
from ecrae.cmd import status


TOP = pathlib.Path(__file__).parents[2]
PAGES = sorted([TOP / 'README.rst', *(TOP / 'doc/source').rglob('*.rst')])

PROGRAMS = {'ecrae': shell.COMMANDS, 'ecrae-manage': manage.COMMANDS}


def _lines(page):
    """Command lines of a page, continued ones as one."""
    text = page.read_text().replace('\\\n', ' ')
    for line in text.splitlines():
        if not line.startswith(' '):
            continue
        shown = line.strip().removeprefix('$ ')
        shown = re.sub(
            '^openstack (--os-cloud [a-z-]+ )?ecrae ', 'ecrae ', shown
        )
        if re.match(
            r'(ecrae|ecrae-manage|ecrae-rebalancer|ecrae-status) ', shown
        ):
            yield shown


SHOWN = sorted({line for page in PAGES for line in _lines(page)})


def _words(line):
    words = shlex.split(line, comments=True)
    ends = [n for n, word in enumerate(words) if word in ('>', '<', '|')]
    return words[: ends[0]] if ends else words


def _command(program, words):
    """The command's class and what follows its name."""
    for count in (2, 1):
        name = ' '.join(words[:count])
        if name in PROGRAMS[program]:
            module, _, cls = PROGRAMS[program][name].partition(':')
            loaded = getattr(importlib.import_module(module), cls)
            return name, loaded, words[count:]
    raise AssertionError(f'{program} has no command {" ".join(words[:2])}')


def test_pages_show_commands():
    assert len(SHOWN) > 40


@pytest.mark.parametrize(
    'line',
    [line for line in SHOWN if line.split()[0] in PROGRAMS],
)
def test_a_command_shown_is_one_that_exists(line):
    program, *words = _words(line)
    if words[0] == '--config-file':
        words = words[2:]
    if words[0] == 'complete' or words[0].startswith('['):
        return
    name, command, rest = _command(program, words)
    # A page may speak of a command without its arguments.
    if not rest:
        return
    parser = command(None, None).get_parser(f'{program} {name}')
    assert isinstance(parser, argparse.ArgumentParser)
    try:
        parser.parse_args(rest)
    except SystemExit:
        raise AssertionError(f'{line}: not understood') from None


@pytest.mark.parametrize(
    'line', [line for line in SHOWN if line.startswith('ecrae-rebalancer ')]
)
def test_options_of_the_rebalancer_exist(line):
    known = {'--once', '--dry-run', '--config-file'}
    assert {w for w in _words(line) if w.startswith('--')} <= known


def test_options_of_the_status_command_exist():
    known = {f'--{option.name}' for option in status.CLI_OPTIONS}
    for line in SHOWN:
        if line.startswith('ecrae-status '):
            words = re.sub(r'[][]', '', line).split()
            assert {w for w in words if w.startswith('--')} <= {
                *known,
                '--config-file',
            }
            assert '--heat-conf' in words or words[-2:] == ['upgrade', 'check']


TROUBLE = TOP / 'doc/source/admin/troubleshooting.rst'
QUOTED = re.findall(r'^``(.+)``$', TROUBLE.read_text(), re.M)


@pytest.mark.parametrize('message', QUOTED)
def test_a_message_explained_is_one_that_is_said(message):
    if message == 'No valid host was found':
        return
    # A message in the source is split where the line would be too long.
    sources = ' '.join(
        re.sub(r"'\n\s*f?'", '', path.read_text())
        for path in (TOP / 'ecrae').rglob('*.py')
    )
    assert message in sources


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A folder as a reader has it: a clone, and a configuration."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'examples').symlink_to(TOP / 'examples')
    (tmp_path / 'ecrae.conf').write_text(
        f'[ecrae_database]\nconnection = sqlite:///{tmp_path}/kb.sqlite\n'
    )
    return tmp_path


def _run(program, line):
    main = {'ecrae': shell.main, 'ecrae-manage': manage.main}[program]
    return main(['--config-file', 'ecrae.conf', *_words(line)[1:]])


def _blocks(page, language):
    """Blocks of code of a language, without their indentation."""
    found = re.findall(
        rf'^( *)\.\. code-block:: {language}\n\n((?:\1 +.*\n|\n)+)',
        page.read_text(),
        re.M,
    )
    return [
        '\n'.join(row[len(indent) + 3 :] for row in body.splitlines())
        for indent, body in found
    ]


def test_the_guide_to_the_first_application_is_true(clone):
    page = TOP / 'doc/source/user/first-application.rst'
    (document,) = _blocks(page, 'yaml')
    (clone / 'app.yaml').write_text(document)

    assert _run('ecrae', 'ecrae plan app.yaml') == 0


def test_the_guide_to_profiling_is_true(clone):
    page = TOP / 'doc/source/admin/profiling.rst'
    (document,) = _blocks(page, 'yaml')
    (clone / 'hardware.yaml').write_text(document)
    assert _run('ecrae-manage', 'ecrae-manage db sync') == 0
    assert _run('ecrae-manage', 'ecrae-manage kb import --builtin') == 0

    shown = [line for line in _lines(page) if '`' not in line]
    assert len(shown) >= 8
    for line in shown:
        assert _run(line.split()[0], line) == 0, line


def test_the_operators_first_step_is_true(clone):
    page = TOP / 'doc/source/admin/operator-guide.rst'
    (clone / 'hosts.yaml').write_text(_blocks(page, 'yaml')[0])
    shown = [line for line in _lines(page) if line.startswith('ecrae-manage ')]
    assert len(shown) >= 5
    for line in shown:
        assert _run('ecrae-manage', line) == 0, line


def test_the_upgrades_commands_are_true(clone):
    page = TOP / 'doc/source/install/upgrade.rst'
    assert _run('ecrae-manage', 'ecrae-manage db sync') == 0
    for line in _lines(page):
        if line.startswith('ecrae-manage '):
            assert _run('ecrae-manage', line) == 0, line
