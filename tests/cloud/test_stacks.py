# SPDX-License-Identifier: Apache-2.0

"""Tagged TOSCA through Heat, by an ordinary tenant."""

import time

import pytest
import yaml
from heatclient import exc as heat_exc

from ecrae.kb import catalogue
from ecrae.model import hints
from tests.cloud import descriptors
from tests.cloud.testcloud import HOSTS
from tests.cloud.testcloud import OBSERVATION_S
from tests.cloud.testcloud import TOP


OWNCLOUD = TOP / 'examples' / 'owncloud.yaml'


def _assert_is_where_it_says(server):
    node_type = server.metadata[hints.NODE_TYPE]
    assert server.status == 'ACTIVE'
    assert server.compute_host in HOSTS[node_type]


def test_every_server_lands_on_the_hardware_of_its_tag(demo, name):
    stack = demo.create_stack(name, descriptors.document())

    assert stack.stack_status == 'CREATE_COMPLETE', stack.stack_status_reason
    found = demo.servers_of(name)
    for node, tag in {'web': 'web-frontend', 'db': 'memory-intensive'}.items():
        assert found[node].metadata[hints.TAG] == tag
        _assert_is_where_it_says(found[node])
    assert found['plain'].status == 'ACTIVE'
    assert hints.TAG not in found['plain'].metadata
    (output,) = stack.outputs
    assert output['output_value']


def test_owncloud_runs_on_the_hardware_of_its_tags(demo, name):
    stack = demo.create_stack(name, OWNCLOUD)

    assert stack.stack_status == 'CREATE_COMPLETE', stack.stack_status_reason
    servers = demo.servers_of(name)
    assert servers.keys() == {'web_server', 'db_server'}
    assert {server.status for server in servers.values()} == {'ACTIVE'}
    web, database = servers['web_server'], servers['db_server']
    assert web.compute_host in _hosts_of_tag('web-frontend')
    assert database.compute_host in _hosts_of_tag('database')
    assert web.flavor['original_name'].startswith('ecrae.web.')
    assert database.flavor['original_name'].startswith('ecrae.db.')


def _hosts_of_tag(tag):
    """Hosts of the node types that the built-in catalogue lists."""
    targets = catalogue.load().tags[tag].targets
    return set().union(
        *(HOSTS.get(target.node_type.name, ()) for target in targets)
    )


def test_exact_tag_forces_its_hardware(demo, name):
    demo.create_stack(
        name,
        descriptors.document(),
        parameters={'kind': 'exact:x86-xeon-e2488-lxc'},
    )

    web = demo.servers_of(name)['web']
    assert web.metadata[hints.NODE_TYPE] == 'x86-xeon-e2488-lxc'
    _assert_is_where_it_says(web)


def test_unknown_tag_is_refused_with_what_was_meant(cloud, name, tmp_path):
    path = tmp_path / 'app.yaml'
    path.write_text(yaml.safe_dump(descriptors.servers('web-frontent', 1)))
    done = cloud.execute(
        'demo', 'openstack', 'stack', 'create', '-t', str(path), name
    )

    assert done.returncode == 1
    assert (
        'node n0: no tag named web-frontent; did you mean web-frontend?'
        in done.stderr
    )
    assert 'Traceback' not in done.stderr


def test_what_no_host_has_room_for_is_refused(demo, name):
    asked = descriptors.servers(
        'exact:x86-xeon-e2488-lxc', 6, mem_size='8 GiB'
    )
    with pytest.raises(heat_exc.HTTPBadRequest, match='no room'):
        demo.create_stack(name, asked)


def test_full_hosts_refuse_an_exact_tag(demo, name):
    tag = 'exact:x86-xeon-e2488-lxc'
    for i in range(4):
        demo.boot_tagged(f'{name}-{i}', 'm1.large', tag)

    time.sleep(OBSERVATION_S)
    with pytest.raises(heat_exc.HTTPBadRequest, match='x86-xeon-e2488-lxc'):
        demo.create_stack(name, descriptors.servers(tag, 1))


def test_input_decides_and_must_have_a_valid_value(demo, name):
    with pytest.raises(heat_exc.HTTPBadRequest, match='cpus'):
        demo.create_stack(
            name, descriptors.document(), parameters={'cpus': 'many'}
        )
    demo.create_stack(
        name,
        descriptors.document(),
        parameters={'kind': 'database', 'cpus': '4'},
    )
    flavor = demo.servers_of(name)['web'].flavor
    assert flavor['original_name'] == 'ecrae.db.medium'


def test_update_moves_only_what_was_changed(demo, name):
    demo.create_stack(name, descriptors.document())
    before = demo.servers_of(name)

    same = demo.update_stack(name, descriptors.document())
    assert same.stack_status == 'UPDATE_COMPLETE', same.stack_status_reason
    after = demo.servers_of(name)
    assert {n: s.id for n, s in after.items()} == {
        n: s.id for n, s in before.items()
    }

    demo.update_stack(
        name,
        descriptors.document(),
        parameters={'kind': 'exact:x86-xeon-8380'},
    )
    changed = demo.servers_of(name)
    assert changed['db'].id == before['db'].id
    assert changed['plain'].id == before['plain'].id
    assert changed['web'].id != before['web'].id
    assert changed['web'].compute_host in HOSTS['x86-xeon-8380']


def test_heat_keeps_plain_hot_that_lives_on_when_it_is_restarted(
    cloud, demo, name
):
    demo.create_stack(name, descriptors.document())
    before = demo.servers_of(name)
    stored = demo.heat.stacks.template(name)
    assert stored['heat_template_version'] == '2013-05-23'
    assert 'tosca' not in yaml.safe_dump(stored)
    cloud.restart('heat-engine')

    assert demo.stack(name).stack_status == 'CREATE_COMPLETE'
    demo.heat.actions.check(name)
    assert demo.stack(name).stack_status == 'CHECK_COMPLETE'
    demo.update_stack(name, descriptors.document())
    after = demo.servers_of(name)
    assert after['web'].id == before['web'].id
    demo.delete_stack(name)


def test_without_its_database_ecrae_says_so_and_harms_nothing(
    cloud, demo, name
):
    demo.create_stack(name, descriptors.document())
    with cloud.ecrae_locked_out():
        # What was seen seconds ago still serves; a restart forgets it.
        cloud.restart('heat-engine')
        with pytest.raises(
            heat_exc.HTTPBadRequest, match='knowledge base is not available'
        ) as caught:
            demo.create_stack(f'{name}-2', descriptors.document())
        assert 'operator' in str(caught.value)
        assert 'mysql' not in str(caught.value)
        assert cloud.settings['secret'] not in str(caught.value)
        assert demo.stack(name).stack_status == 'CREATE_COMPLETE'
        demo.delete_stack(name)


def test_preview_validate_and_delete(cloud, demo, name):
    template = descriptors.document()
    preview = demo.heat.stacks.preview(stack_name=name, template=template)
    assert {each['resource_name'] for each in preview.resources} == {
        'web',
        'db',
        'plain',
    }
    verdict = demo.heat.stacks.validate(template=template)
    assert set(verdict['Parameters']) == {'kind', 'cpus'}

    demo.create_stack(name, template)
    servers = demo.servers_of(name).values()
    demo.delete_stack(name)
    left = {each.id for each in cloud.admin.sdk.compute.servers()}
    assert not left & {server.id for server in servers}


def test_pure_descriptor_in_an_application_resource(demo, name, tmp_path):
    (tmp_path / 'pure.yaml').write_text(descriptors.PURE)
    parent = tmp_path / 'parent.yaml'
    parent.write_text(
        yaml.safe_dump(
            {
                'heat_template_version': '2018-08-31',
                'resources': {
                    'shop': {
                        'type': 'ECRAE::Application',
                        'properties': {
                            'template': {'get_file': 'pure.yaml'},
                            'inputs': {'cpus': 2},
                        },
                    }
                },
                'outputs': {
                    'web': {
                        'value': {
                            'get_attr': ['shop', 'outputs', 'web_address']
                        }
                    }
                },
            }
        )
    )
    stack = demo.create_stack(name, parent)

    assert stack.stack_status == 'CREATE_COMPLETE', stack.stack_status_reason
    before = demo.servers_of(name)
    for node in ('web', 'db'):
        _assert_is_where_it_says(before[node])
    (output,) = stack.outputs
    assert output['output_value']

    changed = descriptors.PURE.replace('memory-intensive', 'database')
    (tmp_path / 'pure.yaml').write_text(changed)
    demo.update_stack(name, parent)
    after = demo.servers_of(name)
    assert after['web'].id == before['web'].id
    assert after['db'].id != before['db'].id
