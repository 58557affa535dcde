# SPDX-License-Identifier: Apache-2.0

"""Every filter, weigher, strategy and driver has a page of one shape."""

import json
import pathlib
import re
import shlex

import pytest

from ecrae.cmd import shell
from ecrae.conf import power
from ecrae.migration import drivers
from ecrae.migration.optimizer.objective import STRATEGIES


TOP = pathlib.Path(__file__).parents[2]
ADMIN = TOP / 'doc/source/admin'
SECTIONS = [
    'Synopsis',
    'Inputs',
    'Algorithm',
    'Options',
    'Limits',
    'Evidence',
]

#: No agent's driver: Nova's own migration, by ``ecrae migrate nova:ID``.
NOVA_LIVE = 'nova-live'


def _plugins():
    """Names of the classes that nova-scheduler is given."""
    sources = (TOP / 'ecrae/scheduler_filters').glob('*.py')
    return {
        name
        for path in sources
        for name in re.findall(
            r'^class (Ecrae\w+(?:Filter|Weigher))\b', path.read_text(), re.M
        )
    }


#: What each folder has pages of.
REGISTERED = {
    'filters': _plugins(),
    'strategies': set(STRATEGIES),
    'drivers': {*drivers.DRIVERS, NOVA_LIVE},
    'power': set(power.DRIVERS),
}


def _headings(page):
    return re.findall(r'^(\S.*)\n(?:=+|-+)$', page.read_text(), re.M)


def _pages(folder):
    return sorted((ADMIN / folder).glob('*.rst'))


def test_there_are_plugins_to_look_for():
    assert {'EcraeTagFilter', 'EcraeEnergyWeigher'} <= _plugins()


@pytest.mark.parametrize('folder', REGISTERED)
def test_there_is_a_page_for_each_and_none_of_another(folder):
    titles = [_headings(page)[0] for page in _pages(folder)]
    named = [name for title in titles for name in title.split(' and ')]

    assert sorted(named) == sorted(REGISTERED[folder])


@pytest.mark.parametrize(
    'page',
    [page for folder in REGISTERED for page in _pages(folder)],
    ids=lambda page: f'{page.parent.name}/{page.stem}',
)
def test_a_page_has_its_sections_in_order(page):
    assert _headings(page)[1:] == SECTIONS
    texts = re.split(r'^.+\n=+$', page.read_text(), flags=re.M)[-6:]
    assert all(text.strip() for text in texts)


@pytest.mark.parametrize(
    'page', _pages('strategies'), ids=lambda page: page.stem
)
def test_a_strategy_does_what_its_evidence_says(page, monkeypatch, capsys):
    monkeypatch.chdir(TOP)
    text = page.read_text()
    (line,) = re.findall(r'^   \$ ecrae (.+)$', text, re.M)

    assert shell.main([*shlex.split(line), '-f', 'json']) == 0
    plan = json.loads(capsys.readouterr().out)
    said = ' '.join(text.split()).rsplit('leads ', 1)[1]
    assert said == (
        f'from {plan["watts_before"]:.1f} W on {plan["hosts_on_before"]} hosts'
        f' to {plan["watts_after"]:.1f} W on {plan["hosts_on_after"]}, with '
        f'{len(plan["moves"])} moves.'
    )
