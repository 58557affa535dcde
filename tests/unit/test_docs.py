# SPDX-License-Identifier: Apache-2.0

"""What the documents say of options and messages is so.

Commands are in ``test_documented.py``.
"""

import re

import pytest

from ecrae.cmd import status
from ecrae.kb import catalogue
from tests import documented


CLI = documented.TOP / 'doc/source/cli'


def test_options_of_the_status_command_exist():
    known = {f'--{option.name}' for option in status.CLI_OPTIONS}
    page = (CLI / 'ecrae-status.rst').read_text()
    synopsis = page.partition('::\n')[2].partition('Tells whether')[0]
    assert {*re.findall('--[a-z-]+', synopsis)} == {
        *known,
        '--config-file',
        '--json',
    }


@pytest.mark.parametrize('program', documented.REGISTRIES)
def test_the_page_of_a_program_has_its_commands_with_their_options(program):
    page = (CLI / f'{program}.rst').read_text()
    terms = ' '.join(re.findall(r'^``.+$', page, re.M))
    for name, place in documented.REGISTRIES[program].items():
        found = re.findall(rf'``{name}( [^`]*)?``', terms)
        assert found, name
        command = documented.load(place)(None, None)
        known = command.get_parser(name)._option_string_actions
        assert {*re.findall('--[a-z-]+', ' '.join(found))} <= {*known}, name


def test_tenants_are_told_every_tag_of_the_catalogue():
    page = (documented.TOP / 'doc/source/user/tagged-tosca.rst').read_text()
    rows = re.findall(r'^   \* - ``(.+)``\n     - (.+)$', page, re.M)
    known = catalogue.load().tags.values()
    assert {(each.name, each.description) for each in known} <= {*rows}


TROUBLE = documented.TOP / 'doc/source/admin/troubleshooting.rst'
QUOTED = re.findall(r'^``(.+)``$', TROUBLE.read_text(), re.M)


@pytest.mark.parametrize('message', QUOTED)
def test_a_message_explained_is_one_that_is_said(message):
    if message == 'No valid host was found':
        return
    # A message in the source is split where the line would be too long.
    sources = ' '.join(
        re.sub(r"'\n\s*f?'", '', path.read_text())
        for path in (documented.TOP / 'ecrae').rglob('*.py')
    )
    assert message in sources
