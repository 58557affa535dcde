# SPDX-License-Identifier: Apache-2.0

import pathlib

import pytest

from ecrae.clients.compute import Hypervisor
from ecrae.cmd import installation
from ecrae.cmd.service_file import ServiceFile
from ecrae.model.cluster import HostState
from ecrae.model.reading import Metric
from ecrae.model.reading import Reading
from ecrae.model.reading import Subject
from tests import hardware


def _file(section='filter_scheduler', **options):
    return ServiceFile(pathlib.Path('nova.conf'), {section: options})


def _good():
    return {
        'available_filters': [
            installation.NOVAS_FILTERS,
            installation.FILTERS['EcraeTagFilter'][0],
            installation.FILTERS['EcraeDrainFilter'][0],
        ],
        'enabled_filters': ['ComputeFilter, EcraeTagFilter,EcraeDrainFilter'],
        'weight_classes': [
            f'{installation.NOVAS_WEIGHERS},{installation.WEIGHER}'
        ],
    }


def test_shortlist_comes_last():
    good = _good()
    path, _ = installation.FILTERS[installation.LAST]
    good['available_filters'].append(path)
    good['enabled_filters'] = ['EcraeTagFilter,EcraeShortlistFilter']
    assert installation.nova_plugins(_file(**good)) == []

    good['enabled_filters'] = ['EcraeShortlistFilter,EcraeTagFilter']
    [fault] = installation.nova_plugins(_file(**good))
    assert 'not the last' in fault


def test_good_nova_conf():
    assert installation.nova_plugins(_file(**_good())) == []


@pytest.mark.parametrize(
    ('option', 'value', 'expected'),
    [
        ('enabled_filters', ['ComputeFilter'], ['lacks EcraeTagFilter']),
        (
            'enabled_filters',
            ['EcraeTagFilter,EcraePowerCapFilter'],
            ['EcraePowerCapFilter is enabled but not available'],
        ),
        (
            'available_filters',
            _good()['available_filters'][1:],
            ["lacks Nova's own"],
        ),
        (
            'available_filters',
            [],
            ['EcraeTagFilter is enabled', 'EcraeDrainFilter is enabled'],
        ),
        (
            'available_filters',
            [*_good()['available_filters'], 'ecrae.scheduler_filters.x.Y'],
            ['ecrae.scheduler_filters.x.Y does not exist'],
        ),
        (
            'weight_classes',
            [installation.NOVAS_WEIGHERS],
            ['weight_classes lacks ecrae'],
        ),
        (
            'weight_classes',
            [installation.WEIGHER],
            ['BuildFailureWeigher'],
        ),
        ('weight_classes', [], ['weight_classes lacks ecrae']),
    ],
)
def test_faulty_nova_conf(option, value, expected):
    found = installation.nova_plugins(_file(**{**_good(), option: value}))

    assert len(found) == len(expected)
    for fault, part in zip(found, expected, strict=True):
        assert part in fault


def test_heat_conf():
    good = _file('DEFAULT', plugin_dirs=['/usr/lib/heat, /ecrae/resources'])

    assert installation.heat_plugin(good, '/ecrae/resources') == []
    [fault] = installation.heat_plugin(_file(), '/ecrae/resources')
    assert 'plugin_dirs lacks /ecrae/resources' in fault


def test_plugins_named_here_exist():
    root = pathlib.Path(installation.__file__).parents[2]
    for path in (
        installation.WEIGHER,
        *(path for path, _ in installation.FILTERS.values()),
    ):
        module, _, name = path.rpartition('.')
        source = (root / module.replace('.', '/')).with_suffix('.py')
        assert f'class {name}(' in source.read_text()


def _hypervisor(host, name=None):
    return Hypervisor(
        uuid=host,
        host=host,
        hypervisor_hostname=name or host,
        state=HostState.AWAKE,
        zone='nova',
        aggregates=(),
    )


def test_every_compute_host_is_known():
    known = hardware.knowledge({'a': 'new', 'b.example': 'arm'})

    assert not installation.hosts(
        known, [_hypervisor('a'), _hypervisor('b', 'b.example')]
    )


def test_unknown_compute_hosts_are_named_up_to_a_point():
    hypervisors = [_hypervisor(f'h{i}') for i in range(8)]

    [fault] = installation.hosts(hardware.knowledge(), hypervisors)

    assert fault.startswith('hosts h0, h1, h2, h3, h4 and 3 more unknown')


def test_compute_nodes_that_share_a_known_name():
    known = hardware.knowledge({'twin': 'arm', 'x.one': 'new'})
    hypervisors = [
        _hypervisor('twin', 'twin.one'),
        _hypervisor('twin', 'twin.two'),
        _hypervisor('x', 'x.one'),
    ]

    [fault] = installation.hosts(known, hypervisors)

    assert 'share host twin' in fault


def _reading(measured_at):
    return Reading(
        subject=Subject.HOST,
        name='a',
        metric=Metric.POWER_W,
        value=1.0,
        measured_at=measured_at,
        source='test',
    )


def test_telemetry_is_as_fresh_as_its_newest_reading():
    readings = [_reading(0.0), _reading(900.0)]

    assert installation.telemetry(readings, 1000.0, 100.0) == []
    [fault] = installation.telemetry(readings, 1001.0, 100.0)
    assert '101 s old' in fault
    [fault] = installation.telemetry([], 1001.0, 100.0)
    assert 'nothing was ever measured' in fault
