# SPDX-License-Identifier: Apache-2.0

"""Whoever types what the guides show gets where the guides say.

Only what a reader has to put in for himself is put in: names of hosts, the
place of ``ecrae.conf``, the identifier of a plan.
"""

import re
import shlex

import pytest

from ecrae.model.plan import State
from tests.cloud import testcloud
from tests.cloud.test_rebalancer import rebalancer as rebalancer
from tests.cloud.testcloud import TOP


DOCS = TOP / 'doc/source'
OPERATOR = DOCS / 'admin/operator-guide.rst'
TENANT = DOCS / 'user/first-application.rst'

#: Identifier of a plan in the guides.
PLAN = '6f1c0a52'

#: What looks and changes nothing, whatever page shows it.
LOOKS = re.compile(
    r'ecrae (hosts|servers|agent list|proposal (list|history)|migration list)'
    r'|ecrae-manage (db version|kb list|telemetry|decision list|certificate '
    r'list|learn .*--dry-run)|ecrae-rebalancer --once --dry-run'
)


def _commands(page):
    """Command lines of a page, in order."""
    found = re.findall(
        r'^ +(?:\$ )?((?:ecrae|ecrae-manage|ecrae-rebalancer|ecrae-status'
        r'|openstack) .+)$',
        page.read_text(),
        re.M,
    )
    return [line for line in found if '``' not in line]


def _document(page, number=0):
    """A YAML document of a page."""
    blocks = re.findall(
        r'^\.\. code-block:: yaml\n\n((?: +.*\n|\n)+)', page.read_text(), re.M
    )
    return '\n'.join(line[3:] for line in blocks[number].splitlines())


@pytest.fixture
def typed(cloud, tmp_path):
    """Types a command where a reader is, with the cloud's options."""
    etc = cloud.state / 'etc'

    def run(user, line, *replaced):
        for old, new in replaced:
            line = line.replace(old, new)
        program, *rest = shlex.split(line, comments=True)
        if program == 'ecrae-status':
            rest = [*_configurations(etc), *rest]
        elif program != 'openstack' and user == 'admin':
            rest = ['--config-file', str(etc / 'ecrae/ecrae.conf'), *rest]
        rest = [
            str(tmp_path / word) if (tmp_path / word).is_file() else word
            for word in rest
        ]
        done = cloud.execute(user, program, *rest)
        assert 'Traceback' not in done.stderr, line + done.stderr
        return done

    return run


def _configurations(etc):
    return [
        *('--config-file', str(etc / 'ecrae/ecrae.conf')),
        *('--nova-conf', str(etc / 'nova/nova.conf')),
        *('--heat-conf', str(etc / 'heat/heat.conf')),
    ]


def _answer(done):
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_operators_way_to_a_plan_and_its_approval(
    admin, rebalancer, typed, tmp_path
):
    hosts = _document(OPERATOR).replace('compute-1', 'xeon-1')
    (tmp_path / 'hosts.yaml').write_text(hosts.replace('compute-2', 'arm-1'))
    shown = _commands(OPERATOR)
    advice = shown.index('ecrae-rebalancer --once --dry-run')
    for line in shown[:advice]:
        done = typed('admin', line)
        if line.startswith('ecrae-status'):
            # 1 is a warning: a test cloud has no agents.
            assert done.returncode in (0, 1), done.stdout + done.stderr
        else:
            _answer(done)
    servers = {each.id for each in admin.sdk.compute.servers()}
    assert len(servers) == 2

    said = _answer(typed('admin', shown[advice]))
    assert 'hold-time' in said, said
    with rebalancer.running(mode='advice'):
        plan = testcloud.wait_for(
            lambda: [
                each
                for each in rebalancer.plans(State.PENDING)
                if {a.workload for a in each.actions} & servers
            ],
            bool,
        )[0]
        after = shown[advice + 1 :]
        assert [line.split()[2] for line in after if 'proposal' in line] == [
            *('list', 'show', 'approve', 'history')
        ]
        for line in after:
            pin = ('SERVER', 'one')
            _answer(typed('admin', line, (PLAN, plan.id), pin))
        ended = testcloud.wait_for(
            lambda: rebalancer.plan(plan.id),
            lambda seen: seen.state.is_final,
        )
    assert ended.state in (State.SUCCEEDED, State.SUPERSEDED)


def test_a_tenants_first_application(demo, typed, tmp_path):
    (tmp_path / 'app.yaml').write_text(_document(TENANT))
    shown = _commands(TENANT)
    plan, create, deploy, look, delete = shown
    assert 'web_server' in _answer(typed('demo', plan))

    for line in (create, deploy):
        _answer(typed('demo', line))
        assert 'db_server' in _answer(typed('demo', look))
        _answer(typed('demo', delete))
        demo.delete_stack('my-app')


def test_what_only_looks_works_on_every_page(typed):
    pages = sorted(DOCS.rglob('*.rst'))
    lines = {line for page in pages for line in _commands(page)}
    looking = sorted(line for line in lines if LOOKS.match(line))
    assert len(looking) >= 10
    for line in looking:
        # A page's own file of options is the cloud's here.
        shown = line.replace('--config-file new.conf ', '')
        done = typed('admin', shown)
        assert done.returncode == 0, shown + done.stdout + done.stderr
