# SPDX-License-Identifier: Apache-2.0

"""What the cloud holds at its start, handed to ``seed.py``."""

import json
import pathlib
import subprocess
from typing import Any

from testcloud_lib import ecrae_wiring
from testcloud_lib import progress
from testcloud_lib import services
from testcloud_lib.cloud import REGION
from testcloud_lib.cloud import Cloud
from testcloud_lib.configuration import SERVICE_USERS
from testcloud_lib.errors import CloudError


#: Type, path of the API and name, by service.
ENDPOINTS = {
    'placement': ('placement', ''),
    'glance': ('image', ''),
    'neutron': ('network', ''),
    'nova': ('compute', '/v2.1'),
    'heat': ('orchestration', '/v1/%(tenant_id)s'),
}

#: The same for what a cloud has only where it was asked for.
EXTRA_ENDPOINTS = {'gnocchi': ('metric', '')}

NETWORK = 'private'

#: Distribution and version of the images, one of each per architecture.
IMAGES = (('ubuntu', '24.04'), ('debian', '12'))

FLAVORS = {
    'm1.tiny': {'vcpus': 1, 'memory_mib': 512, 'disk_gib': 1},
    'm1.small': {'vcpus': 1, 'memory_mib': 2048, 'disk_gib': 20},
    'm1.medium': {'vcpus': 2, 'memory_mib': 4096, 'disk_gib': 40},
    'm1.large': {'vcpus': 4, 'memory_mib': 8192, 'disk_gib': 80},
}


def bootstrap_keystone(cloud: Cloud, log: pathlib.Path) -> None:
    """Make the administrator and Keystone's own endpoint."""
    url = cloud.url('keystone', '/v3')
    env = {
        **services.base_env(cloud),
        'OS_BOOTSTRAP_USERNAME': 'admin',
        'OS_BOOTSTRAP_PASSWORD': cloud.password('admin'),
        'OS_BOOTSTRAP_PROJECT_NAME': 'admin',
        'OS_BOOTSTRAP_REGION_ID': REGION,
        'OS_BOOTSTRAP_PUBLIC_URL': url,
        'OS_BOOTSTRAP_INTERNAL_URL': url,
    }
    progress.run(
        [
            cloud.program('keystone-manage'),
            '--config-file',
            str(cloud.etc / 'keystone/keystone.conf'),
            'bootstrap',
        ],
        log,
        env=env,
    )


def identity(cloud: Cloud, log: pathlib.Path) -> None:
    """Make users, projects and the service catalogue."""
    users: dict[str, Any] = {
        name: {
            'password': cloud.password(name),
            'project': 'service',
            'roles': ['admin', 'service'],
        }
        for name in (*SERVICE_USERS, *cloud.extras)
    }
    users['demo'] = {
        'password': cloud.password('demo'),
        'project': 'demo',
        'roles': ['member'],
    }
    extra = {name: EXTRA_ENDPOINTS[name] for name in cloud.extras}
    wanted = {
        'region': REGION,
        'projects': ['service', 'demo'],
        'users': users,
        'services': {
            kind: {'name': name, 'url': cloud.url(name, path)}
            for name, (kind, path) in {**ENDPOINTS, **extra}.items()
        },
        'heat_domain': {
            'name': 'heat',
            'admin': 'heat_domain_admin',
            'password': cloud.password('heat_domain_admin'),
        },
    }
    _seed(cloud, 'identity', wanted, log)


def resources(cloud: Cloud, log: pathlib.Path) -> None:
    """Make images, flavors and the network; wait for the computes."""
    wanted = {
        'images': images(cloud),
        'flavors': {**FLAVORS, **ecrae_wiring.flavors(cloud)},
        'network': NETWORK,
        'computes': [each.name for each in cloud.computes],
    }
    _seed(cloud, 'resources', wanted, log)


def images(cloud: Cloud) -> dict[str, dict[str, str]]:
    """Properties of the images, by name, for the hosts' architectures."""
    return {
        f'{distribution}-{version}-{architecture}': {
            'hw_architecture': architecture,
            'os_type': 'linux',
            'os_distro': distribution,
            'os_version': version,
        }
        for architecture in sorted({c.architecture for c in cloud.computes})
        for distribution, version in IMAGES
    }


def _seed(
    cloud: Cloud, what: str, wanted: dict[str, Any], log: pathlib.Path
) -> None:
    env = {**services.base_env(cloud), **services.user_env(cloud, 'admin')}
    with log.open('ab') as stream:
        done = subprocess.run(
            [
                cloud.program('python'),
                str(pathlib.Path(__file__).with_name('seed.py')),
                what,
            ],
            input=json.dumps(wanted).encode(),
            stdout=stream,
            stderr=subprocess.STDOUT,
            env=env,
            check=False,
        )
    if done.returncode != 0:
        raise CloudError(
            f'cannot make what the cloud holds; the end of {log}:\n'
            + progress.tail(log, progress.TAIL_LINES)
        )
