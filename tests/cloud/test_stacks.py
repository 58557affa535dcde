# SPDX-License-Identifier: Apache-2.0

"""Tagged TOSCA through Heat, as an ordinary tenant."""

import copy
import time

import pytest
import yaml
from heatclient import exc as heat_exc

from ecrae.kb import catalogue
from ecrae.model import hints
from tests.cloud.testcloud import HOSTS
from tests.cloud.testcloud import TOP


#: heat-engine looks at the hosts anew after [ecrae_deployer]
#: observation_lifetime.
OBSERVATION_S = 11
OWNCLOUD = TOP / 'examples' / 'owncloud.yaml'


def tosca(**tags):
    """A descriptor with one Compute node a tag; None leaves it out."""
    return {
        'tosca_definitions_version': 'tosca_simple_yaml_1_3',
        'heat_template_version': 'ecrae_tosca_1',
        'topology_template': {
            'node_templates': {
                node: {
                    'type': 'tosca.nodes.Compute',
                    'capabilities': {
                        'os': {
                            'properties': {
                                'type': 'linux',
                                'distribution': 'ubuntu',
                            }
                        }
                    },
                    **({'metadata': {'ecrae.tag': tag}} if tag else {}),
                }
                for node, tag in tags.items()
            }
        },
    }


def test_owncloud_runs_on_the_hardware_of_its_tags(demo, name):
    stack = demo.create_stack(name, OWNCLOUD)

    assert stack.stack_status == 'CREATE_COMPLETE'
    servers = demo.servers_of(name)
    assert servers.keys() == {'web_server', 'db_server'}
    assert {server.status for server in servers.values()} == {'ACTIVE'}
    web, database = servers['web_server'], servers['db_server']
    assert web.compute_host in hosts_of_tag('web-frontend')
    assert database.compute_host in hosts_of_tag('database')
    assert web.flavor['original_name'].startswith('ecrae.web.')
    assert database.flavor['original_name'].startswith('ecrae.db.')


def test_what_heat_keeps_is_plain_hot(cloud, demo, name):
    demo.create_stack(name, tosca(server='web-frontend'))

    kept = demo.heat.stacks.template(name)
    assert 'ecrae' not in str(kept['heat_template_version'])
    assert 'topology_template' not in kept
    properties = kept['resources']['server']['properties']
    assert properties['metadata'][hints.TAG] == 'web-frontend'

    cloud.restart('heat-engine')
    assert demo.stack(name).stack_status == 'CREATE_COMPLETE'
    demo.heat.actions.check(name)
    assert demo.stack(name).stack_status == 'CHECK_COMPLETE'


def test_an_exact_tag_forces_the_hardware(demo, name):
    demo.create_stack(name, tosca(server='exact:power-power9'))

    server = demo.servers_of(name)['server']
    assert server.compute_host in HOSTS['power-power9']


def test_a_node_without_a_tag_is_scheduled_as_ever(demo, name):
    stack = demo.create_stack(name, tosca(tagged='database', plain=None))

    assert stack.stack_status == 'CREATE_COMPLETE'
    plain = demo.servers_of(name)['plain']
    assert plain.status == 'ACTIVE'
    assert not any(key.startswith('ecrae:') for key in plain.metadata)


def test_an_unknown_tag_is_refused_with_near_matches(demo, name):
    with pytest.raises(heat_exc.HTTPBadRequest) as refused:
        demo.create_stack(name, tosca(server='data-base'))

    assert 'data-base' in str(refused.value)
    assert 'database' in str(refused.value).replace('data-base', '')
    with pytest.raises(heat_exc.HTTPNotFound):
        demo.heat.stacks.get(name)


def test_full_hosts_refuse_an_exact_tag(demo, name):
    for i in range(4):
        demo.boot_tagged(f'{name}-{i}', 'm1.large', 'exact:x86-xeon-e2488-lxc')

    time.sleep(OBSERVATION_S)
    with pytest.raises(heat_exc.HTTPBadRequest) as refused:
        demo.create_stack(name, tosca(server='exact:x86-xeon-e2488-lxc'))

    assert 'x86-xeon-e2488-lxc' in str(refused.value)


def test_an_update_moves_only_what_has_a_new_tag(demo, name):
    before = tosca(web='web-frontend', store='database')
    demo.create_stack(name, before)
    old = demo.servers_of(name)

    unchanged = demo.update_stack(name, copy.deepcopy(before))
    assert unchanged.stack_status == 'UPDATE_COMPLETE'
    assert {n: s.id for n, s in demo.servers_of(name).items()} == {
        n: s.id for n, s in old.items()
    }

    changed = demo.update_stack(
        name, tosca(web='web-frontend', store='exact:x86-epyc-9754')
    )
    assert changed.stack_status == 'UPDATE_COMPLETE'
    new = demo.servers_of(name)
    assert new['web'].id == old['web'].id
    assert new['web'].compute_host == old['web'].compute_host
    assert new['store'].compute_host in HOSTS['x86-epyc-9754']


def test_a_deleted_stack_leaves_no_server(demo, name):
    demo.create_stack(name, tosca(server='database'))

    demo.delete_stack(name)

    assert not list(demo.sdk.compute.servers())


def test_without_its_database_heat_refuses_but_says_who_to_ask(
    cloud, demo, name
):
    with cloud.ecrae_locked_out():
        cloud.restart('heat-engine')
        with pytest.raises(heat_exc.HTTPException) as refused:
            demo.create_stack(name, tosca(server='database'))
    cloud.restart('heat-engine')

    assert 'operator' in str(refused.value)
    assert cloud.settings['secret'] not in str(refused.value)
    stack = demo.create_stack(name, tosca(server='database'))
    assert stack.stack_status == 'CREATE_COMPLETE'


def test_pure_tosca_goes_in_as_a_resource(demo, name):
    document = {
        'heat_template_version': '2018-08-31',
        'resources': {
            'application': {
                'type': 'ECRAE::Application',
                'properties': {'template': pure(tosca(server='database'))},
            }
        },
    }

    stack = demo.create_stack(name, document)

    assert stack.stack_status == 'CREATE_COMPLETE'
    server = demo.servers_of(name)['server']
    assert server.compute_host in hosts_of_tag('database')


def pure(descriptor):
    """Text of the descriptor without Heat's line."""
    kept = {k: v for k, v in descriptor.items() if not k.startswith('heat')}
    return yaml.safe_dump(kept)


def hosts_of_tag(tag):
    """Hosts of the node types that the built-in catalogue lists."""
    targets = catalogue.load().tags[tag].targets
    return set().union(
        *(HOSTS.get(target.node_type.name, ()) for target in targets)
    )
