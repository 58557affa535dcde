# SPDX-License-Identifier: Apache-2.0

"""The OpenStack processes of a cloud."""

import hashlib
import os
import pathlib

from testcloud_lib import backends
from testcloud_lib import ecrae_wiring
from testcloud_lib import environment
from testcloud_lib import gnocchi
from testcloud_lib.cloud import REGION
from testcloud_lib.cloud import Cloud
from testcloud_lib.processes import Service


#: WSGI application, folder of configuration, processes and threads, by API
#: service. Neutron sets up its policy and tables while it serves its first
#: requests, and two at once in one process get each other's half.
APIS = {
    'keystone': ('keystone.wsgi.api', 'OS_KEYSTONE_CONFIG_DIR', 1, 8),
    'placement': ('placement.wsgi.api', 'OS_PLACEMENT_CONFIG_DIR', 1, 6),
    'glance': ('glance.wsgi.api', 'OS_GLANCE_CONFIG_DIR', 1, 6),
    'neutron': ('neutron.wsgi.api', 'OS_NEUTRON_CONFIG_DIR', 2, 1),
    'nova': ('nova.wsgi.osapi_compute', 'OS_NOVA_CONFIG_DIR', 1, 8),
    'heat': ('heat.wsgi.api', '', 1, 6),
}

#: Order of starting; what has a higher number stops first.
ORDER_API = 2
ORDER_WORKER = 3


def base_env(cloud: Cloud) -> dict[str, str]:
    """Environment of every process of the cloud."""
    dropped = ('PYTHONPATH', 'PYTHONHOME', 'VIRTUAL_ENV')
    kept = {
        key: value
        for key, value in os.environ.items()
        if key not in dropped
        and not key.startswith(('OS_', 'ECRAE_', 'RABBITMQ_'))
        and not key.lower().endswith('_proxy')
    }
    home = cloud.data / 'home'
    return {
        **kept,
        'HOME': str(home),
        'PATH': os.pathsep.join(
            (
                str(cloud.venv / 'bin'),
                kept.get('PATH', ''),
                '/usr/sbin:/usr/bin:/sbin:/bin',
            )
        ),
        'PYTHONUNBUFFERED': '1',
        # The deprecations of others would fill the logs.
        'PYTHONWARNINGS': 'ignore::DeprecationWarning',
    }


def user_env(cloud: Cloud, user: str) -> dict[str, str]:
    """Credentials of a person: ``admin`` or the ordinary ``demo``."""
    return {
        'OS_AUTH_URL': cloud.url('keystone', '/v3'),
        'OS_IDENTITY_API_VERSION': '3',
        'OS_USERNAME': user,
        'OS_PASSWORD': cloud.password(user),
        'OS_PROJECT_NAME': user,
        'OS_USER_DOMAIN_NAME': 'Default',
        'OS_PROJECT_DOMAIN_NAME': 'Default',
        'OS_REGION_NAME': REGION,
    }


def all_services(cloud: Cloud) -> tuple[Service, ...]:
    """Every process of the cloud, in the order of starting."""
    return (
        *backends.services(cloud, _plain_env(cloud)),
        *(api(cloud, name) for name in APIS),
        *workers(cloud),
        *(telemetry(cloud) if cloud.has_gnocchi else ()),
    )


def api(cloud: Cloud, name: str) -> Service:
    """One API under uWSGI."""
    module, variable, processes, threads = APIS[name]
    folder = cloud.etc / name
    argv = [
        cloud.program('uwsgi'),
        '--http-socket',
        f'127.0.0.1:{cloud.port(name)}',
        '--module',
        f'{module}:application',
        '--master',
        '--lazy-apps',
        '--processes',
        str(processes),
        '--threads',
        str(threads),
        '--enable-threads',
        '--need-app',
        '--die-on-term',
        '--http-chunked-input',
        '--buffer-size',
        '65535',
        '--add-header',
        'Connection: close',
        '--disable-logging',
    ]
    env = base_env(cloud)
    if variable:
        env[variable] = str(folder)
    else:
        argv += ['--pyargv', f'--config-file {folder}/{name}.conf']
    service = f'{name}-api'
    return _service(cloud, service, argv, env, [folder], ORDER_API)


def workers(cloud: Cloud) -> tuple[Service, ...]:
    """Everything that is neither an API nor a backend."""
    env = base_env(cloud)
    nova = cloud.etc / 'nova'
    found = [
        _service(
            cloud,
            name,
            [
                cloud.program(name),
                '--config-file',
                str(cloud.etc / folder / f'{folder}.conf'),
            ],
            env,
            [cloud.etc / folder],
            ORDER_WORKER,
        )
        for name, folder in (
            ('nova-conductor', 'nova'),
            ('nova-scheduler', 'nova'),
            ('heat-engine', 'heat'),
        )
    ]
    found += [
        _service(
            cloud,
            f'nova-compute-{compute.name}',
            [
                cloud.program('testcloud-compute'),
                '--config-file',
                str(nova.with_name(f'nova-{compute.name}') / 'nova.conf'),
            ],
            env,
            [nova.with_name(f'nova-{compute.name}'), environment.INSIDE],
            ORDER_WORKER,
        )
        for compute in cloud.computes
    ]
    agent_env = {**env, **user_env(cloud, 'admin')}
    found.append(
        _service(
            cloud,
            'guest-agent',
            [cloud.program('testcloud-guest-agent')],
            agent_env,
            [environment.INSIDE],
            ORDER_WORKER,
        )
    )
    return tuple(found)


def telemetry(cloud: Cloud) -> tuple[Service, ...]:
    """Gnocchi and, for ECRAE, who reads it."""
    folder = cloud.etc / 'gnocchi'
    config = folder / 'gnocchi.conf'
    venv = environment.gnocchi_venv(cloud)
    # keystonemiddleware looks for gnocchi.conf here.
    env = {**base_env(cloud), 'HOME': str(folder)}
    port = cloud.port('gnocchi')
    found = [
        _service(cloud, name, argv, env, [folder], order)
        for name, argv, order in (
            ('gnocchi-api', gnocchi.api(venv, config, port), ORDER_API),
            ('gnocchi-metricd', gnocchi.metricd(venv, config), ORDER_WORKER),
        )
    ]
    if cloud.with_ecrae:
        collector = [
            cloud.program('ecrae-collector'),
            '--config-file',
            str(cloud.etc / 'ecrae/ecrae.conf'),
            '--config-file',
            str(cloud.etc / 'ecrae/collector.conf'),
        ]
        found.append(
            _service(
                cloud,
                'ecrae-collector',
                collector,
                base_env(cloud),
                [cloud.etc / 'ecrae'],
                ORDER_WORKER,
            )
        )
    return tuple(found)


def _service(
    cloud: Cloud,
    name: str,
    argv: list[str],
    env: dict[str, str],
    read: list[pathlib.Path],
    order: int,
) -> Service:
    digest = hashlib.sha256(repr((argv, _identity(env))).encode())
    for folder in read:
        for path in sorted(folder.rglob('*')):
            if path.is_file() and path.suffix in ('.conf', '.ini', '.py'):
                digest.update(path.read_bytes())
    digest.update((cloud.venv / 'made-of').read_bytes())
    if cloud.with_ecrae and name in ecrae_wiring.SERVICES:
        digest.update(environment.working_tree_digest().encode())
    return Service(
        name=name,
        argv=tuple(argv),
        env=env,
        order=order,
        fingerprint=digest.hexdigest(),
    )


def _identity(env: dict[str, str]) -> list[tuple[str, str]]:
    """The part of an environment that matters to a service."""
    return sorted(
        (key, value) for key, value in env.items() if key.startswith('OS_')
    )


def _plain_env(cloud: Cloud) -> dict[str, str]:
    """Environment of a process that is not Python."""
    env = base_env(cloud)
    return {key: env[key] for key in ('HOME', 'PATH')} | {'LANG': 'C.UTF-8'}
