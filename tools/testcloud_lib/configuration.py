# SPDX-License-Identifier: Apache-2.0

"""Configuration files of the OpenStack services."""

import pathlib
import shutil
from collections.abc import Mapping

from testcloud_lib import ecrae_wiring
from testcloud_lib import gnocchi
from testcloud_lib.backends import database_url
from testcloud_lib.backends import transport_url
from testcloud_lib.cloud import REGION
from testcloud_lib.cloud import Cloud
from testcloud_lib.computes import Compute


Value = str | int | bool | tuple[str, ...]
#: Options by group; a tuple is an option given several times.
Options = Mapping[str, Mapping[str, Value]]

#: Users of the ``service`` project.
SERVICE_USERS = ('placement', 'glance', 'neutron', 'nova', 'heat', 'ecrae')


def render(*parts: Options) -> str:
    """Text of an oslo.config file; a later part adds or overrides."""
    groups: dict[str, dict[str, Value]] = {}
    for part in parts:
        for group, options in part.items():
            groups.setdefault(group, {}).update(options)
    lines: list[str] = []
    for group, options in groups.items():
        lines.append(f'[{group}]')
        for key, value in options.items():
            values = value if isinstance(value, tuple) else (value,)
            lines += [f'{key} = {each}' for each in values]
        lines.append('')
    return '\n'.join(lines)


def write(cloud: Cloud) -> None:
    """Write every file and copy the paste pipelines beside them."""
    files = {
        'keystone/keystone.conf': render(keystone(cloud)),
        'placement/placement.conf': render(placement(cloud)),
        'glance/glance-api.conf': render(glance(cloud)),
        'neutron/neutron.conf': render(neutron(cloud)),
        'neutron/plugins/ml2/ml2_conf.ini': render(ml2()),
        'nova/nova.conf': render(
            nova(cloud), nova_control(cloud), ecrae_wiring.nova(cloud)
        ),
        'heat/heat.conf': render(heat(cloud), ecrae_wiring.heat(cloud)),
        'ecrae/ecrae.conf': render(ecrae_wiring.ecrae(cloud)),
        'ecrae/collector.conf': render(ecrae_wiring.collector()),
    }
    if cloud.has_gnocchi:
        files['gnocchi/gnocchi.conf'] = render(metrics(cloud))
    for compute in cloud.computes:
        files[f'nova-{compute.name}/nova.conf'] = render(
            nova(cloud), nova_compute(cloud, compute)
        )
    for name, text in files.items():
        _write(cloud.etc / name, text)
    shipped = _shipped(cloud)
    for name in (
        'glance/glance-api-paste.ini',
        'neutron/api-paste.ini',
        'nova/api-paste.ini',
        'heat/api-paste.ini',
    ):
        shutil.copyfile(shipped / name, cloud.etc / name)


def _write(path: pathlib.Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(text)


def _shipped(cloud: Cloud) -> pathlib.Path:
    """The folder of files that the packages brought."""
    below = (cloud.venv / 'made-of').read_text().splitlines()[0]
    return pathlib.Path(below) / 'etc'


def credentials(cloud: Cloud, user: str) -> dict[str, Value]:
    """Options by which one service logs in to talk to another."""
    return {
        'auth_type': 'password',
        'auth_url': cloud.url('keystone', '/v3'),
        'username': user,
        'password': cloud.password(user),
        'user_domain_name': 'Default',
        'project_name': 'service',
        'project_domain_name': 'Default',
        'region_name': REGION,
    }


def _common(cloud: Cloud, user: str) -> dict[str, dict[str, Value]]:
    """What every service's file has."""
    token = credentials(cloud, user)
    del token['region_name']
    return {
        'DEFAULT': {
            'transport_url': transport_url(cloud),
            'log_options': False,
        },
        'keystone_authtoken': {
            **token,
            'www_authenticate_uri': cloud.url('keystone', '/v3'),
            'service_token_roles': 'service',
            'service_token_roles_required': True,
        },
        'oslo_concurrency': {'lock_path': str(cloud.data / user / 'locks')},
        'oslo_messaging_notifications': {'driver': 'noop'},
    }


def keystone(cloud: Cloud) -> Options:
    """Identity: Fernet tokens, cheap password hashes."""
    keys = cloud.data / 'keystone'
    return {
        'database': {'connection': database_url(cloud, 'keystone')},
        'token': {'provider': 'fernet'},
        'fernet_tokens': {'key_repository': str(keys / 'fernet')},
        'fernet_receipts': {'key_repository': str(keys / 'fernet')},
        'credential': {'key_repository': str(keys / 'credential')},
        'identity': {'password_hash_rounds': 4},
    }


def placement(cloud: Cloud) -> Options:
    """Placement."""
    return {
        **_common(cloud, 'placement'),
        'placement_database': {'connection': database_url(cloud, 'placement')},
    }


def glance(cloud: Cloud) -> Options:
    """Images in files."""
    data = cloud.data / 'glance'
    return {
        **_common(cloud, 'glance'),
        'DEFAULT': {'enabled_backends': 'files:file', 'log_options': False},
        'database': {'connection': database_url(cloud, 'glance')},
        'glance_store': {'default_backend': 'files'},
        'files': {'filesystem_store_datadir': str(data / 'images')},
        'os_glance_staging_store': {
            'filesystem_store_datadir': str(data / 'staging')
        },
        'os_glance_tasks_store': {
            'filesystem_store_datadir': str(data / 'tasks')
        },
        'paste_deploy': {'flavor': 'keystone'},
    }


def neutron(cloud: Cloud) -> Options:
    """Networks without agents or packets."""
    common = _common(cloud, 'neutron')
    return {
        **common,
        'DEFAULT': {
            **common['DEFAULT'],
            'core_plugin': 'ml2',
            'service_plugins': '',
            'api_paste_config': str(cloud.etc / 'neutron/api-paste.ini'),
            'state_path': str(cloud.data / 'neutron'),
            'dhcp_agent_notification': False,
            'notify_nova_on_port_status_changes': False,
            'notify_nova_on_port_data_changes': False,
        },
        'database': {'connection': database_url(cloud, 'neutron')},
        'quotas': {
            'quota_network': -1,
            'quota_port': -1,
            'quota_security_group': -1,
            'quota_security_group_rule': -1,
        },
    }


def metrics(cloud: Cloud) -> Options:
    """Measurements in Gnocchi."""
    common = _common(cloud, 'gnocchi')
    return {
        **gnocchi.options(
            database_url(cloud, 'gnocchi'), cloud.data / 'gnocchi'
        ),
        'api': {'auth_mode': 'keystone'},
        'keystone_authtoken': common['keystone_authtoken'],
    }


def ml2() -> Options:
    """Ports bound by our own driver."""
    return {
        'ml2': {
            'type_drivers': 'local',
            'tenant_network_types': 'local',
            'mechanism_drivers': 'testcloud',
            'extension_drivers': 'port_security',
        },
    }


def nova(cloud: Cloud) -> dict[str, dict[str, Value]]:
    """Compute: what the control plane and the compute hosts share."""
    common = _common(cloud, 'nova')
    other = credentials(cloud, 'nova')
    return {
        **common,
        'DEFAULT': {
            **common['DEFAULT'],
            'my_ip': '127.0.0.1',
            'state_path': str(cloud.data / 'nova'),
            # A host must be seen, and be seen to be gone, soon.
            'report_interval': 5,
            'service_down_time': 30,
            'periodic_fuzzy_delay': 0,
            'initial_cpu_allocation_ratio': 1.0,
            'initial_ram_allocation_ratio': 1.0,
            'initial_disk_allocation_ratio': 1.0,
            'reserved_host_memory_mb': 0,
            'reserved_host_disk_mb': 0,
        },
        'placement': other,
        'neutron': other,
        'glance': {'region_name': REGION},
        'service_user': {**other, 'send_service_user_token': True},
        'vnc': {'enabled': False},
        'compute': {'live_migration_wait_for_vif_plug': False},
    }


def nova_control(cloud: Cloud) -> Options:
    """Compute: API, conductor and scheduler."""
    return {
        'api_database': {
            'connection': database_url(cloud, 'nova_api', 'nova')
        },
        'database': {'connection': database_url(cloud, 'nova_cell1', 'nova')},
        'wsgi': {'api_paste_config': str(cloud.etc / 'nova/api-paste.ini')},
        'scheduler': {
            'discover_hosts_in_cells_interval': 5,
            # An image's hw_architecture needs the trait of the host.
            'image_metadata_prefilter': True,
            'workers': 1,
        },
        'conductor': {'workers': 1},
        'quota': {'instances': -1, 'cores': -1, 'ram': -1},
    }


def nova_compute(cloud: Cloud, compute: Compute) -> Options:
    """Compute: one host with its fake hypervisor."""
    return {
        'DEFAULT': {
            'host': compute.name,
            'compute_driver': 'ecrae_testcloud.ShapedDriver',
            'state_path': str(cloud.data / 'nova' / compute.name),
            'instances_path': str(
                cloud.data / 'nova' / compute.name / 'instances'
            ),
        },
        'testcloud': {
            'architecture': compute.architecture,
            'hypervisor_type': compute.hypervisor_type,
            'vcpus': compute.vcpus,
            'memory_mib': compute.memory_mib,
            'disk_gib': compute.disk_gib,
        },
    }


def heat(cloud: Cloud) -> Options:
    """Orchestration: guests poll Heat itself and signal it."""
    common = _common(cloud, 'heat')
    own = credentials(cloud, 'heat')
    return {
        **common,
        'DEFAULT': {
            **common['DEFAULT'],
            'num_engine_workers': 1,
            'region_name_for_services': REGION,
            'auth_encryption_key': cloud.password('heat-key') + 'testheat',
            # Tests let servers fail, and wait for Heat to give up.
            'action_retry_limit': 1,
            'stack_user_domain_name': 'heat',
            'stack_domain_admin': 'heat_domain_admin',
            'stack_domain_admin_password': cloud.password('heat_domain_admin'),
            'default_software_config_transport': 'POLL_SERVER_HEAT',
            'default_deployment_signal_transport': 'HEAT_SIGNAL',
            'max_stacks_per_tenant': -1,
            'environment_dir': str(cloud.etc / 'heat/environment.d'),
        },
        'database': {'connection': database_url(cloud, 'heat')},
        # A trust is the scope; a project beside it would be a second one.
        'trustee': {
            key: own[key]
            for key in (
                'auth_type',
                'auth_url',
                'username',
                'password',
                'user_domain_name',
            )
        },
        'clients_keystone': {'auth_uri': cloud.url('keystone')},
        'paste_deploy': {
            'api_paste_config': str(cloud.etc / 'heat/api-paste.ini')
        },
    }
