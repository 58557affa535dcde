# SPDX-License-Identifier: Apache-2.0

"""Whoever types what the guides show gets where the guides say.

Only what a reader has to put in for himself is put in: names of hosts, the
place of ``ecrae.conf``, the identifier of a plan.
"""

import json
import shlex
import shutil
from concurrent import futures

import pytest

from ecrae.model.plan import State
from tests import documented
from tests.cloud import testcloud
from tests.cloud.test_rebalancer import rebalancer as rebalancer
from tests.cloud.testcloud import TOP


DOCS = TOP / 'doc/source'
OPERATOR = DOCS / 'admin/operator-guide.rst'
TENANT = DOCS / 'user/first-application.rst'

#: Identifier of a plan in the guides.
PLAN = '6f1c0a52'

#: Lines about a tenant's own things, by the page or help that has them.
TENANTS = ('doc/source/user/', 'help: ecrae deploy')

#: What a reader puts in for himself.
OWN = {
    'compute-31': 'xeon-1',
    'compute-7': 'xeon-1',
    'nova:UUID': 'nova:none',
    '/etc/nova/nova.conf': '{etc}/nova/nova.conf',
    'SERVER': '{server}',
}


def _commands(page):
    """Command lines of a page, in order, but those that begin and end it."""
    return [
        shown.line
        for shown in documented.on_page(page)
        if shown.kind in (documented.DESK, documented.CLOUD)
    ]


@pytest.fixture
def typed(cloud, tmp_path, monkeypatch):
    """Types a command where a reader is."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'examples').symlink_to(TOP / 'examples')

    def run(user, line, *replaced):
        for old, new in replaced:
            line = line.replace(old, new)
        words, _, into = line.partition(' > ')
        done = cloud.execute(user, *shlex.split(words, comments=True))
        assert 'Traceback' not in done.stderr, line + done.stderr
        if into:
            (tmp_path / into).write_text(done.stdout)
        return done

    return run


def _answer(done):
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_operators_way_to_a_plan_and_its_approval(
    admin, rebalancer, typed, tmp_path
):
    (document,) = documented.documents(OPERATOR).values()
    hosts = document.replace('compute-1', 'xeon-1')
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
    (document,) = documented.documents(TENANT).values()
    (tmp_path / 'app.yaml').write_text(document)
    shown = _commands(TENANT)
    plan, create, deploy, look, delete = shown
    assert 'web_server' in _answer(typed('demo', plan))

    for line in (create, deploy):
        _answer(typed('demo', line))
        assert 'db_server' in _answer(typed('demo', look))
        _answer(typed('demo', delete))
        demo.delete_stack('my-app')


@pytest.fixture
def others(admin, demo, cloud, tmp_path):
    """What commands of other pages speak of."""
    # Nothing outside of a document's folder is submitted, so no links.
    shutil.copytree(TOP / 'examples', tmp_path, dirs_exist_ok=True)
    page = documented.documents(DOCS / 'user/heat.rst')
    (tmp_path / 'app.yaml').write_text(page['app.yaml'])
    (tmp_path / 'clouds.yaml').write_text(_clouds_yaml(admin))
    project = admin.sdk.identity.create_project(name='shop')
    server = demo.boot('looked-at', 'm1.tiny')
    yield {'etc': str(cloud.state / 'etc'), 'server': server.id}
    admin.sdk.identity.delete_project(project)
    for aggregate in admin.sdk.compute.aggregates():
        if aggregate.name == 'rack-7':
            admin.sdk.compute.remove_host_from_aggregate(aggregate, 'xeon-1')
            admin.sdk.compute.delete_aggregate(aggregate)


def _clouds_yaml(person):
    auth = person.sdk.config.config['auth']
    fields = {name: auth[name] for name in sorted(auth)}
    region = person.sdk.config.region_name
    return json.dumps(
        {'clouds': {'my-cloud': {'auth': fields, 'region_name': region}}}
    )


def test_every_other_command_that_is_shown(admin, demo, typed, others):
    own = [(old, new.format(**others)) for old, new in OWN.items()]
    shown = [
        each
        for where, lines in documented.of_kind(documented.CLOUD).items()
        for each in lines
        if (TOP / where) not in (OPERATOR, TENANT)
        # test_simulate.py, where there is a history.
        and not each.line.startswith('ecrae simulate ')
    ]
    tenants = [each for each in shown if each.where.startswith(TENANTS)]
    operators = [each for each in shown if each not in tenants]
    # What explains "my-app" comes after what makes it.
    assert operators[0].line.endswith(' my-app')

    def walk(person, lines):
        for line in dict.fromkeys(each.line for each in lines):
            _make_room(person, line)
            done = typed(person.user, line, *own)
            # 1 is a warning: a test cloud measures nothing.
            good = (0, 1) if line.startswith('ecrae-status') else (0,)
            assert done.returncode in good, line + done.stdout + done.stderr

    with futures.ThreadPoolExecutor() as pool:
        walks = [
            pool.submit(walk, demo, tenants),
            pool.submit(walk, admin, operators),
        ]
        for each in walks:
            each.result()


def _make_room(person, line):
    """Let what was made by a page before be gone, or be ready."""
    if line.startswith('ecrae explain '):
        person.stack('my-app')
    elif ' --name shop' in line or 'stack create ' in line:
        person.delete_stack('shop')
