# SPDX-License-Identifier: Apache-2.0

import json

import pytest
from heat.engine import template as heat_template
from oslo_config import cfg

from ecrae.deployer.heat import template
from ecrae.kb import decisions
from ecrae.model.reading import Metric
from tests.functional.heat.conftest import HOSTS
from tests.functional.heat.engine import Refused
from tests.functional.heat.topology import descriptor
from tests.functional.heat.topology import server


def _decisions(database):
    with database.reader() as session:
        return decisions.list_newest(session, 10)


def test_tagged_server_is_built_with_what_its_tag_says(
    engine, cloud, database
):
    shown = engine.create(
        'shop', descriptor(web=server('web-frontend'), plain=server())
    )
    assert shown['stack_status'] == 'COMPLETE', shown['stack_status_reason']
    web = cloud.server_of('web')
    (decision,) = _decisions(database)
    chosen = decision.components[0].chosen
    assert cloud.flavor_of('web') == chosen.flavor
    assert web['metadata'] == {
        'ecrae:tag': 'web-frontend',
        'ecrae:node_type': chosen.node_type,
        'ecrae:decision': decision.id,
    }
    assert web['scheduler_hints']['ecrae:tag'] == 'web-frontend'
    assert decision.source == 'shop'
    assert not cloud.server_of('plain')['scheduler_hints']


def test_image_is_of_the_chosen_architecture(engine, cloud):
    engine.create('shop', descriptor(web=server('exact:arm-altra-q80')))
    (image,) = [i for i in cloud.images if i['architecture'] == 'aarch64']
    assert cloud.server_of('web')['imageRef'] == image['id']


def test_heat_stores_plain_hot(engine):
    engine.create('shop', descriptor(web=server('web-frontend')))
    stored = engine.stored_template('shop')
    assert stored['heat_template_version'] == '2013-05-23'
    assert stored['resources']['web']['type'] == 'OS::Nova::Server'
    assert 'tosca' not in json.dumps(stored)


def test_unknown_tag_is_refused_with_near_matches(engine, cloud):
    with pytest.raises(Refused, match='web-frontend') as caught:
        engine.create('shop', descriptor(web=server('web-frontent')))
    assert 'node web' in str(caught.value)
    assert not cloud.builds


def test_full_hosts_are_refused(engine, cloud):
    for name in ('arm-1', 'epyc-1', 'xeon-1'):
        cloud.fill_host(name)
    with pytest.raises(Refused, match='web'):
        engine.create('shop', descriptor(web=server('web-frontend')))
    assert not cloud.builds


def test_malformed_descriptor_is_refused_without_a_traceback(engine):
    with pytest.raises(Refused) as caught:
        engine.create('shop', descriptor(web={'type': 'no.such.Type'}))
    assert 'no.such.Type' in str(caught.value)
    assert 'Traceback' not in str(caught.value)


def _chosen_host(engine, database, name):
    engine.create(name, descriptor(web=server('web-frontend')))
    return _decisions(database)[0].components[0].chosen.host


@pytest.mark.parametrize(
    'readings', [(Metric.UTILIZATION, 1.0), (Metric.POWER_W, 3000.0)]
)
def test_measured_load_and_watts_decide(engine, database, measure, readings):
    metric, much = readings
    best = _chosen_host(engine, database, 'idle')
    measure(metric, **{best.replace('-', '_'): much})
    assert _chosen_host(engine, database, 'busy') != best
    measure(metric)
    assert _chosen_host(engine, database, 'idle-again') == best


def test_measurement_that_is_too_old_decides_nothing(
    engine, database, measure
):
    best = _chosen_host(engine, database, 'idle')
    measure(Metric.UTILIZATION, age_s=601, **{best.replace('-', '_'): 1.0})
    assert _chosen_host(engine, database, 'old') == best


def test_update_with_the_same_descriptor_touches_nothing(engine, cloud):
    asked = descriptor(
        web=server('web-frontend'), db=server('memory-intensive')
    )
    engine.create('shop', asked)
    before = json.dumps(cloud.servers, sort_keys=True)
    # Another host has become the better one, and there is a newer image.
    for name in ('arm-1', 'epyc-1'):
        cloud.rooms[f'uuid-{name}']['resources']['VCPU']['used'] = 60
    cloud.add_image('debian-x86_64-new', 'x86_64', os_version='99')
    cloud.add_image('debian-aarch64-new', 'aarch64', os_version='99')
    assert engine.update('shop', asked)['stack_status'] == 'COMPLETE'
    assert json.dumps(cloud.servers, sort_keys=True) == before
    assert len(cloud.builds) == 2


def test_update_on_full_hosts_keeps_what_is_there(engine, cloud):
    asked = descriptor(web=server('web-frontend'))
    engine.create('shop', asked)
    for name in ('arm-1', 'epyc-1', 'xeon-1'):
        cloud.fill_host(name)
    assert engine.update('shop', asked)['stack_status'] == 'COMPLETE'
    assert len(cloud.builds) == 1


def test_changed_tag_replaces_that_server_alone(engine, cloud):
    engine.create(
        'shop',
        descriptor(web=server('web-frontend'), db=server('memory-intensive')),
    )
    kept = cloud.server_of('db')['id']
    shown = engine.update(
        'shop',
        descriptor(
            web=server('exact:x86-xeon-8380'), db=server('memory-intensive')
        ),
    )
    assert shown['stack_status'] == 'COMPLETE', shown['stack_status_reason']
    assert cloud.server_of('db')['id'] == kept
    web = cloud.server_of('web')
    assert web['metadata']['ecrae:node_type'] == 'x86-xeon-8380'
    assert len(cloud.servers) == 2


def test_grown_minimum_gets_a_larger_flavor(engine, cloud):
    engine.create('shop', descriptor(web=server('web-frontend', num_cpus=1)))
    engine.update('shop', descriptor(web=server('web-frontend', num_cpus=4)))
    assert cloud.flavor_of('web') == 'ecrae.web.large'


def test_server_that_could_not_be_built_is_chosen_anew(engine, cloud):
    asked = descriptor(web=server('web-frontend'))
    cloud.unbuildable = {'ecrae.web.small'}
    shown = engine.create('shop', asked)
    assert shown['stack_status'] == 'FAILED'
    first = cloud.builds[-1]['metadata']['ecrae:node_type']
    cloud.unbuildable = set()
    cloud.hypervisors = [
        each
        for each in cloud.hypervisors
        if HOSTS[each['hypervisor_hostname']] != first
    ]
    assert engine.update('shop', asked)['stack_status'] == 'COMPLETE'
    second = cloud.server_of('web')['metadata']['ecrae:node_type']
    assert second != first


def test_input_that_decides(engine, cloud):
    asked = descriptor(
        inputs={'kind': {'type': 'string'}, 'cpus': {'type': 'integer'}},
        web=server({'get_input': 'kind'}, num_cpus={'get_input': 'cpus'}),
    )
    engine.create('shop', asked, parameters={'kind': 'database', 'cpus': '4'})
    assert cloud.flavor_of('web') == 'ecrae.db.medium'
    engine.update('shop', asked, parameters={'cpus': '8'}, existing=True)
    assert cloud.flavor_of('web') == 'ecrae.db.large'


def test_input_without_a_value_is_refused_by_heat(engine):
    asked = descriptor(
        inputs={'kind': {'type': 'string'}},
        web=server({'get_input': 'kind'}),
    )
    with pytest.raises(Refused, match='kind'):
        engine.create('shop', asked)
    verdict = engine.validate(asked)
    assert verdict['Parameters']['kind']['Type'] == 'String'


def test_input_of_another_type_is_refused_by_heat(engine):
    asked = descriptor(
        inputs={'cpus': {'type': 'integer'}},
        web=server('database', num_cpus={'get_input': 'cpus'}),
    )
    with pytest.raises(Refused, match='cpus'):
        engine.create('shop', asked, parameters={'cpus': 'many'})


def test_value_of_an_input_stays_out_of_the_stored_template(engine, database):
    asked = descriptor(
        inputs={'root_password': {'type': 'string'}},
        outputs={'password': {'value': {'get_input': 'root_password'}}},
        web=server('web-frontend'),
    )
    engine.create('shop', asked, parameters={'root_password': 'hunter2'})
    assert 'hunter2' not in json.dumps(engine.stored_template('shop'))
    assert 'hunter2' not in repr(_decisions(database))


def test_size_given_as_an_input(engine, cloud):
    asked = descriptor(
        inputs={'memory': {'type': 'scalar-unit.size', 'default': '1 GiB'}},
        web=server('web-frontend', mem_size={'get_input': 'memory'}),
    )
    engine.create('shop', asked, parameters={'memory': '6 GiB'})
    assert cloud.flavor_of('web') == 'ecrae.web.large'


def test_preview_and_validate_make_and_record_nothing(engine, cloud, database):
    asked = descriptor(web=server('web-frontend'))
    previewed = engine.preview('shop', asked)
    assert [r['resource_type'] for r in previewed['resources']] == [
        'OS::Nova::Server'
    ]
    assert 'Error' not in engine.validate(asked)
    assert not cloud.builds
    assert not _decisions(database)


def test_validate_tells_an_unknown_tag(engine):
    with pytest.raises(Refused, match='web-frontend'):
        engine.validate(descriptor(web=server('web-frontent')))


def test_preview_of_an_update(engine, cloud):
    engine.create(
        'shop',
        descriptor(web=server('web-frontend'), db=server('memory-intensive')),
    )
    changes = engine.preview_update(
        'shop',
        descriptor(
            web=server('exact:x86-xeon-8380'), db=server('memory-intensive')
        ),
    )
    names = {
        kind: [each['resource_name'] for each in found]
        for kind, found in changes.items()
    }
    assert names['unchanged'] == ['db']
    assert names['replaced'] == ['web']
    assert len(cloud.builds) == 2


def test_stack_is_deleted(engine, cloud):
    engine.create('shop', descriptor(web=server('web-frontend')))
    engine.delete('shop')
    assert not cloud.servers


def test_stack_outlives_ecrae(engine, cloud, monkeypatch):
    engine.create('shop', descriptor(web=server('web-frontend')))
    left = {
        version: found
        for version, found in heat_template._template_classes.items()
        if found is not template.ToscaTemplate
    }
    monkeypatch.setattr(heat_template, '_template_classes', left)
    assert engine.show('shop')['stack_status'] == 'COMPLETE'
    engine.delete('shop')
    assert not cloud.servers


def test_other_templates_need_no_ecrae(engine, cloud, database):
    cloud.broken = {'placement'}
    hot = {
        'heat_template_version': '2018-08-31',
        'resources': {
            'value': {'type': 'OS::Heat::Value', 'properties': {'value': 1}}
        },
    }
    assert engine.create('plain', hot)['stack_status'] == 'COMPLETE'


@pytest.mark.parametrize('service', ['placement', 'glance'])
def test_cloud_that_cannot_be_seen(engine, cloud, service, caplog):
    cloud.broken = {service}
    with pytest.raises(Refused, match='state of the cloud') as caught:
        engine.create('shop', descriptor(web=server('web-frontend')))
    assert 'operator' in str(caught.value)
    assert 'service-secret' not in str(caught.value) + caplog.text
    cloud.broken = set()
    shown = engine.create('shop', descriptor(web=server('web-frontend')))
    assert shown['stack_status'] == 'COMPLETE'


def test_knowledge_base_that_is_gone(engine, tmp_path, caplog):
    path = tmp_path / 'kb.sqlite'
    path.rename(tmp_path / 'elsewhere')
    with pytest.raises(Refused, match='knowledge base') as caught:
        engine.create('shop', descriptor(web=server('web-frontend')))
    assert str(path) not in str(caught.value)
    assert str(path) in caplog.text
    (tmp_path / 'elsewhere').rename(path)
    shown = engine.create('shop', descriptor(web=server('web-frontend')))
    assert shown['stack_status'] == 'COMPLETE'


def test_more_resources_than_heat_allows(engine):
    cfg.CONF.set_override('max_resources_per_stack', 2)
    nodes = {f'n{i}': server('web-frontend') for i in range(3)}
    with pytest.raises(Refused, match='resources'):
        engine.create('shop', descriptor(**nodes))


def test_file_that_was_uploaded_reaches_the_stack(engine):
    url = 'file:///home/demo/types.yaml'
    asked = descriptor(web={'type': 'shop.Web'})
    asked['imports'] = ['types.yaml']
    asked['metadata'] = {'ecrae.files': {'types.yaml': {'get_file': url}}}
    types = """
tosca_definitions_version: tosca_simple_yaml_1_3
node_types:
  shop.Web:
    derived_from: ecrae.nodes.Compute
    properties:
      tag: {type: string, default: web-frontend}
"""
    shown = engine.create('shop', asked, files={url: types})
    assert shown['stack_status'] == 'COMPLETE'


@pytest.mark.parametrize(
    'place', ['/etc/passwd', 'file:///etc/passwd', 'http://x.test/t.yaml']
)
def test_nothing_else_is_ever_read(engine, place):
    asked = descriptor(web=server('web-frontend'))
    asked['imports'] = [place]
    with pytest.raises(Refused) as caught:
        engine.create('shop', asked)
    assert 'root:' not in str(caught.value)


def test_versions_are_listed(engine):
    versions = {
        version['version']: version['aliases']
        for version in engine.template_versions()
    }
    assert versions['heat_template_version.2026-11-20'] == [
        'heat_template_version.ecrae_tosca_1'
    ]
