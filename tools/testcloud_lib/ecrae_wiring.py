# SPDX-License-Identifier: Apache-2.0

"""All that makes the cloud an ECRAE cloud: options, tables, hosts."""

import json
import pathlib
import shlex
import subprocess
from typing import Any

from testcloud_lib import backends
from testcloud_lib import progress
from testcloud_lib.cloud import REGION
from testcloud_lib.cloud import TOP
from testcloud_lib.cloud import Cloud


#: Processes that run ECRAE's code and must start again when it changes.
SERVICES = frozenset(
    {'nova-scheduler', 'heat-api', 'heat-engine', 'ecrae-collector'}
)

#: What an operator types.
PROGRAMS = ('ecrae', 'ecrae-manage', 'ecrae-rebalancer', 'ecrae-status')

#: Nova's own, which an explicit list must repeat.
NOVA_FILTERS = (
    'ComputeFilter',
    'ComputeCapabilitiesFilter',
    'ImagePropertiesFilter',
    'ServerGroupAntiAffinityFilter',
    'ServerGroupAffinityFilter',
)

ECRAE_FILTERS = ('EcraePowerCapFilter', 'EcraeTagFilter', 'EcraeDrainFilter')

_RESOURCES = TOP / 'ecrae' / 'deployer' / 'heat' / 'resources'

Options = dict[str, dict[str, Any]]


def nova(cloud: Cloud) -> Options:
    """What an operator adds to the scheduler's nova.conf."""
    if not cloud.with_ecrae:
        return {}
    package = 'ecrae.scheduler_filters'
    return {
        'filter_scheduler': {
            'available_filters': (
                'nova.scheduler.filters.all_filters',
                f'{package}.power_cap_filter.EcraePowerCapFilter',
                f'{package}.tag_filter.EcraeTagFilter',
                f'{package}.drain_filter.EcraeDrainFilter',
            ),
            'enabled_filters': ','.join((*NOVA_FILTERS, *ECRAE_FILTERS)),
            'weight_classes': (
                'nova.scheduler.weights.all_weighers,'
                f'{package}.energy_weigher.EcraeEnergyWeigher'
            ),
        },
        'ecrae_database': database(cloud),
        'ecrae_scheduler': {'refresh_interval': 5},
    }


def heat(cloud: Cloud) -> Options:
    """What an operator adds to heat.conf."""
    if not cloud.with_ecrae or not _RESOURCES.exists():
        return {}
    return {
        'DEFAULT': {'plugin_dirs': str(_RESOURCES)},
        'ecrae_database': database(cloud),
        'ecrae_cloud': cloud_credentials(cloud),
    }


def ecrae(cloud: Cloud) -> Options:
    """ecrae.conf, for ecrae-manage and ECRAE's own services."""
    return {
        'ecrae_database': database(cloud),
        'ecrae_cloud': cloud_credentials(cloud),
        'ecrae_telemetry': {
            'sources': 'gnocchi' if cloud.has_gnocchi else '',
            'granularity': 1,
        },
    }


def collector() -> Options:
    """Measurements that come and go as fast as tests want them to."""
    return {'ecrae_telemetry': {'interval': 5, 'timeout': 10, 'max_age': 45}}


def database(cloud: Cloud) -> dict[str, Any]:
    """Where the knowledge base lies."""
    return {'connection': backends.database_url(cloud, 'ecrae')}


def cloud_credentials(cloud: Cloud) -> dict[str, Any]:
    """ECRAE's own service user."""
    return {
        'auth_type': 'password',
        'auth_url': cloud.url('keystone', '/v3'),
        'username': 'ecrae',
        'password': cloud.password('ecrae'),
        'user_domain_name': 'Default',
        'project_name': 'service',
        'project_domain_name': 'Default',
        'region_name': REGION,
    }


def prepare(cloud: Cloud, env: dict[str, str], log: pathlib.Path) -> None:
    """Make ECRAE's tables and tell it what the computes are."""
    if not cloud.with_ecrae:
        return
    manage = [
        cloud.program('ecrae-manage'),
        '--config-file',
        str(cloud.etc / 'ecrae/ecrae.conf'),
    ]
    hosts = cloud.etc / 'ecrae' / 'hosts.yaml'
    hosts.write_text(hosts_document(cloud))
    progress.run([*manage, 'db', 'sync'], log, env=env)
    progress.run([*manage, 'kb', 'import', '--builtin'], log, env=env)
    progress.run([*manage, 'kb', 'import', str(hosts)], log, env=env)


def programs(cloud: Cloud) -> pathlib.Path:
    """A folder of ECRAE's programs as a controller has them.

    They read this cloud's files where they would read those in ``/etc``,
    unless they are told to read others.
    """
    folder = cloud.state / 'bin'
    folder.mkdir(exist_ok=True)
    etc = cloud.etc
    own = shlex.quote(str(etc / 'ecrae/ecrae.conf'))
    ecrae = f'--config-file {own}'
    others = ' '.join(
        f'--{name}-conf {shlex.quote(str(etc / name / name))}.conf'
        for name in ('nova', 'heat')
    )
    for name in PROGRAMS:
        options = f'{ecrae} {others}' if name == 'ecrae-status' else ecrae
        path = folder / name
        path.write_text(
            '#!/bin/sh\n'
            f'[ "$1" = --config-file ] || set -- {options} "$@"\n'
            f'exec {shlex.quote(cloud.program(name))} "$@"\n'
        )
        path.chmod(0o755)
    client = folder / 'openstack'
    program = shlex.quote(cloud.program('openstack'))
    client.write_text(
        f'#!/bin/sh\nexec {program} --ecrae-config-file {own} "$@"\n'
    )
    client.chmod(0o755)
    return folder


def flavors(cloud: Cloud) -> dict[str, dict[str, Any]]:
    """Flavors of the built-in catalogue, by name."""
    if not cloud.with_ecrae:
        return {}
    script = (
        'import dataclasses, json\n'
        'from ecrae.kb import catalogue\n'
        'flavors = catalogue.load().flavors\n'
        'print(json.dumps({n: dataclasses.asdict(f)'
        ' for n, f in flavors.items()}))\n'
    )
    printed = subprocess.run(
        [cloud.program('python'), '-c', script],
        capture_output=True,
        check=True,
    ).stdout
    loaded = json.loads(printed)
    for flavor in loaded.values():
        flavor['extra_specs'] = dict(flavor['extra_specs'])
    return dict(loaded)


def hosts_document(cloud: Cloud) -> str:
    """Knowledge document that names each compute's node type."""
    lines = ['ecrae_knowledge: 1', 'hosts:']
    lines += [
        f'  {each.name}: {{node_type: {each.node_type}}}'
        for each in cloud.computes
        if each.node_type
    ]
    return '\n'.join(lines) + '\n'
