# SPDX-License-Identifier: Apache-2.0

"""Components of a tenant's stack change architecture on a real cloud."""

import contextlib

import openstack.exceptions
import pytest

from ecrae import conf as options
from ecrae import exception
from ecrae.clients import session as sessions
from ecrae.kb import catalogue
from ecrae.kb import db
from ecrae.migration import redeploy
from ecrae.model import hints
from ecrae.model import plan
from tests.cloud import descriptors
from tests.cloud.testcloud import HOSTS


TAG = 'web-frontend'


class KilledError(BaseException):
    """The rebalancer dies."""


@pytest.fixture
def conf(cloud, admin, demo, tmp_path):
    """A rebalancer's configuration; its account may act for the tenant."""
    env = cloud.credentials('admin')
    lines = (cloud.state / 'etc/ecrae/ecrae.conf').read_text()
    path = tmp_path / 'ecrae.conf'
    path.write_text(
        f'{lines[lines.index("[ecrae_database]") :].split("[ecrae_cloud]")[0]}'
        '\n[ecrae_cloud]\nauth_type = password\n'
        f'auth_url = {env["OS_AUTH_URL"]}\n'
        f'username = {env["OS_USERNAME"]}\n'
        f'password = {env["OS_PASSWORD"]}\n'
        'user_domain_name = Default\nproject_domain_name = Default\n'
        'project_name = admin\n'
    )
    identity = admin.sdk.identity
    identity.assign_project_role_to_user(
        demo.sdk.current_project_id,
        admin.sdk.current_user_id,
        identity.find_role('member').id,
    )
    return options.load([str(path)])


def _enactor(conf, database, **replaced):
    return redeploy.RedeployEnactor(
        sessions.from_options(conf),
        lambda project: sessions.from_options(conf, project),
        database,
        timeout_s=240,
        **replaced,
    )


@pytest.fixture
def database(conf):
    return db.Database(conf.ecrae_database.connection)


def _relocatable(**tags):
    document = descriptors.tagged(**tags)
    nodes = document['topology_template']['node_templates']
    for node in nodes.values():
        node['metadata']['ecrae.relocatable'] = True
    return document


def _elsewhere(server):
    """A host of another architecture that serves the tag, and its type."""
    known = catalogue.load()
    here = server.metadata[hints.NODE_TYPE]
    for target in known.tags[TAG].targets:
        kind = target.node_type
        if (
            kind.architecture != known.node_types[here].architecture
            and target.flavor.vcpus >= server.flavor['vcpus']
            and target.flavor.memory_mib >= server.flavor['ram']
            and kind.name in HOSTS
        ):
            return min(HOSTS[kind.name]), kind.name
    raise AssertionError('the catalogue has the tag on one architecture')


def _action(server, destination):
    return plan.Action(
        kind=plan.ActionKind.REDEPLOY,
        workload=server.id,
        source=server.compute_host,
        destination=destination,
        reason='its load passed its threshold',
        saving_w=0.0,
        cost_j=0.0,
    )


def _never():
    return False


def _is_gone(admin, server):
    with contextlib.suppress(openstack.exceptions.NotFoundException):
        found = admin.sdk.compute.get_server(server.id)
        return found.status in ('DELETED', 'SOFT_DELETED')
    return True


def test_a_component_changes_its_architecture_and_stays_there(
    conf, database, admin, demo, name
):
    document = _relocatable(server=TAG, other='database')
    demo.create_stack(name, document)
    old = demo.servers_of(name)
    host, node_type = _elsewhere(old['server'])

    action = _action(old['server'], host)
    _enactor(conf, database)(action, cancelled=_never)

    stack = demo.stack(name)
    assert stack.stack_status == 'UPDATE_COMPLETE'
    new = demo.servers_of(name)
    assert new['server'].status == 'ACTIVE'
    assert new['server'].compute_host in HOSTS[node_type]
    assert new['server'].project_id == demo.sdk.current_project_id
    assert new['server'].metadata[hints.REPLACES] == old['server'].id
    assert _is_gone(admin, old['server'])
    assert new['other'].id == old['other'].id

    # A rebalancer that died before it could say so finds it done.
    _enactor(conf, database)(action, cancelled=_never)
    # The tenant's own next update, of the same document, moves nothing.
    assert demo.update_stack(name, document).stack_status == 'UPDATE_COMPLETE'
    again = demo.servers_of(name)
    assert {n: s.id for n, s in again.items()} == {
        n: s.id for n, s in new.items()
    }


def test_the_next_rebalancer_finishes_what_one_began(
    conf, database, admin, demo, name
):
    demo.create_stack(name, _relocatable(server=TAG))
    old = demo.servers_of(name)['server']
    host, node_type = _elsewhere(old)

    def die(_seconds):
        raise KilledError

    with pytest.raises(KilledError):
        _enactor(conf, database, pause=die)(
            _action(old, host), cancelled=_never
        )
    _enactor(conf, database)(_action(old, host), cancelled=_never)

    new = demo.servers_of(name)['server']
    assert new.compute_host in HOSTS[node_type]
    assert _is_gone(admin, old)


@contextlib.contextmanager
def _room_nowhere_but_on(admin, host):
    others = [
        service
        for service in admin.sdk.compute.services(binary='nova-compute')
        if service.host != host
    ]
    for service in others:
        admin.sdk.compute.disable_service(service, disabled_reason='test')
    try:
        yield
    finally:
        for service in others:
            admin.sdk.compute.enable_service(service)


def _with_a_port_of_its_own(demo, name):
    """The stack with its server on a port that is a resource."""
    template = demo.heat.stacks.template(name)
    demo.delete_stack(name)
    resources = template['resources']
    resources['port'] = {
        'type': 'OS::Neutron::Port',
        'properties': {'network': 'private'},
    }
    port = {'get_resource': 'port'}
    resources['server']['properties']['networks'] = [{'port': port}]
    demo.create_stack(name, template)


def _connections(admin, server):
    """Network, addresses and security groups of each port."""
    return {
        (
            port.network_id,
            tuple(sorted(each['ip_address'] for each in port.fixed_ips)),
            tuple(sorted(port.security_group_ids)),
            port.device_owner,
            port.project_id,
        )
        for port in admin.sdk.network.ports(device_id=server.id)
    }


@pytest.mark.parametrize('whose', ['nova', 'stack'])
def test_a_failure_leaves_the_old_one_as_it_was(
    whose, conf, database, admin, demo, name
):
    demo.create_stack(name, _relocatable(server=TAG))
    if whose == 'stack':
        _with_a_port_of_its_own(demo, name)
    old = demo.servers_of(name)['server']
    had = _connections(admin, old)
    host, _ = _elsewhere(old)
    with (
        _room_nowhere_but_on(admin, old.compute_host),
        pytest.raises(exception.TransferFailed, match='No valid host'),
    ):
        _enactor(conf, database)(_action(old, host), cancelled=_never)

    now = demo.servers_of(name)['server']
    assert now.id == old.id
    assert now.status == 'ACTIVE'
    assert now.compute_host == old.compute_host
    assert len(had) == 1
    assert _connections(admin, old) == had
    assert demo.stack(name).stack_status.endswith('_COMPLETE')
    # Heat can do with the stack whatever its owner wants.
    demo.heat.stacks.update(name, existing=True)
    assert demo.stack(name).stack_status == 'UPDATE_COMPLETE'
    assert demo.servers_of(name)['server'].id == old.id
    assert _connections(admin, old) == had
    demo.delete_stack(name)
    assert not _connections(admin, old)


def test_an_owner_who_did_not_consent_is_respected(conf, database, demo, name):
    demo.create_stack(name, descriptors.tagged(server=TAG))
    old = demo.servers_of(name)['server']
    host, _ = _elsewhere(old)

    with pytest.raises(exception.PreCheckFailed, match='ecrae:relocatable'):
        _enactor(conf, database)(_action(old, host), cancelled=_never)
    assert demo.stack(name).stack_status == 'CREATE_COMPLETE'
