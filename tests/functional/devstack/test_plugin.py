# SPDX-License-Identifier: Apache-2.0

"""The DevStack plugin: which phase does what, and what it writes.

The files are written by DevStack's own functions and read by Nova's and
ECRAE's own options.
"""

import configparser
import re
import shutil
import subprocess
import sys

import pytest

from ecrae import conf
from ecrae.clients import session
from ecrae.cmd import installation
from ecrae.cmd import service_file
from ecrae.conf import opts
from ecrae_tempest_plugin import config as tempest_config
from tests.functional.devstack.conftest import TOP


#: What DevStack has set before it runs a plugin.
STACK = """
set -e
export TOP_DIR={devstack} DEST={folder} DATA_DIR={folder}/data
STACK_USER=$(id -un) HOST_IP=192.0.2.7 REGION_NAME=RegionOne
SERVICE_PASSWORD=secret SERVICE_PROJECT_NAME=service
SERVICE_DOMAIN_NAME=Default KEYSTONE_SERVICE_URI=http://192.0.2.7/identity
NOVA_CONF={folder}/nova.conf HEAT_CONF={folder}/heat.conf
TEMPEST_CONFIG={folder}/tempest.conf ECRAE_CONF_DIR={folder}/etc
ENABLED_SERVICES={services}
"""

#: What needs a machine of its own, written down in place of done.
ELSEWHERE = """
note() { echo "$@" >> {folder}/calls; }
for name in install_package setup_develop create_service_user \\
        recreate_database run_process stop_process ecrae_manage \\
        check_ecrae; do
    eval "$name() { note $name \\"\\$@\\"; }"
done
sudo() { "$@"; }
openstack() { note openstack "$@"; }
get_python_exec_prefix() { echo /venv/bin; }
database_connection_url() { echo "mysql+pymysql://root:x@127.0.0.1/$1"; }
iniset_rpc_backend() { iniset "$2" DEFAULT transport_url rabbit://x/; }
"""

NOVA_CONF = """\
[DEFAULT]
debug = True

[filter_scheduler]
available_filters = nova.scheduler.filters.all_filters
available_filters = mine.MyFilter
enabled_filters = ComputeFilter,MyFilter

[placement]
region_name = RegionOne
"""

ALL = 'key,nova,ecrae,ecrae-collector,ecrae-rebalancer,ecrae-agent,tempest'


class Stack:
    """One DevStack of which only the plugin's part is run."""

    def __init__(self, devstack, folder):
        self.folder = folder
        self._devstack = devstack
        self.services = ALL
        self.settings = ''
        self.elsewhere = ELSEWHERE
        (folder / 'nova.conf').write_text(NOVA_CONF)
        (folder / 'heat.conf').write_text('[DEFAULT]\ndebug = True\n')
        (folder / 'tempest.conf').touch()

    def run(self, *phase):
        """Run the plugin as DevStack does; what it asked others to do."""
        values = {
            'devstack': self._devstack,
            'folder': self.folder,
            'services': self.services,
        }
        script = _filled(STACK, values)
        for name in ('functions-common', 'inc/ini-config'):
            script += f'source {self._devstack}/{name}\n'
        script += f'{self.settings}\n'
        script += f'source {TOP}/devstack/settings\n'
        script += f'source {TOP}/devstack/lib/ecrae\n'
        # The plugin sources its functions anew; ours must come after.
        noted = _filled(self.elsewhere, values)
        own = f'source() {{ builtin source "$@"; {noted}}}'
        script += f'{own}\nsource {TOP}/devstack/plugin.sh {" ".join(phase)}\n'
        (self.folder / 'calls').write_text('')
        done = subprocess.run(
            ['bash', '-c', script],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return (self.folder / 'calls').read_text().splitlines()

    def file(self, name):
        """A file as its service reads it."""
        return service_file.read(self.folder / name)


def _filled(text, values):
    for name, value in values.items():
        text = text.replace('{' + name + '}', str(value))
    return text


@pytest.fixture
def stack(devstack, tmp_path):
    return Stack(devstack, tmp_path)


def test_nova_keeps_what_it_had(stack):
    stack.run('stack', 'post-config')
    stack.run('stack', 'post-config')

    nova = stack.file('nova.conf')
    assert installation.nova_plugins(nova) == []
    available = nova.values('filter_scheduler', 'available_filters')
    assert len(available) == len(set(available))
    assert 'mine.MyFilter' in available
    enabled = nova.items('filter_scheduler', 'enabled_filters')
    assert enabled[:2] == ['ComputeFilter', 'MyFilter']
    assert {'EcraeTagFilter', 'EcraeDrainFilter'} < set(enabled)
    assert nova.items('placement', 'region_name') == ['RegionOne']


def test_a_scheduler_without_a_list_gets_novas_own(stack):
    (stack.folder / 'nova.conf').write_text('[DEFAULT]\n')
    stack.run('stack', 'post-config')

    nova = stack.file('nova.conf')
    assert installation.nova_plugins(nova) == []
    assert 'ServerGroupAffinityFilter' in nova.items(
        'filter_scheduler', 'enabled_filters'
    )


def test_heat_finds_its_resources(stack):
    stack.run('stack', 'post-config')

    heat = stack.file('heat.conf')
    resources = str(TOP / 'ecrae/deployer/heat/resources')
    assert installation.heat_plugin(heat, resources) == []
    assert '/usr/lib/heat' in heat.items('DEFAULT', 'plugin_dirs')


def test_every_option_that_is_written_exists(stack):
    stack.services += ',gnocchi-api'
    stack.run('stack', 'post-config')

    path = str(stack.folder / 'etc/ecrae.conf')
    loaded = conf.load([path])
    assert loaded.ecrae_telemetry.sources == ['gnocchi']
    assert loaded.ecrae_rebalancer.mode == 'advice'
    for name in ('etc/ecrae.conf', 'nova.conf', 'heat.conf'):
        file = stack.file(name)
        groups = [*opts.list_opts(), *session.list_opts()]
        loose = frozenset({session.GROUP.name})
        assert service_file.faults(file, groups, loose) == []


def test_the_knowledge_base_is_made_and_filled(stack):
    calls = stack.run('stack', 'post-config')

    manage = [call for call in calls if call.startswith('ecrae_manage')]
    assert 'recreate_database ecrae' in calls
    assert 'ecrae_manage db sync' in manage
    assert 'ecrae_manage kb import --builtin' in manage


def test_services_start_and_stop(stack):
    assert stack.run('stack', 'pre-install') == [
        'install_package criu nftables iproute2'
    ]
    started = [
        call.split()[1]
        for call in stack.run('stack', 'extra')
        if call.startswith('run_process')
    ]
    assert started == ['ecrae-rebalancer', 'ecrae-agent']
    assert stack.run('unstack') == [
        'stop_process ecrae-agent',
        'stop_process ecrae-rebalancer',
        'stop_process ecrae-collector',
    ]


def test_devstack_writes_units_that_systemd_takes(stack):
    """By its own ``run_process``; no systemd is asked to start them."""
    stack.elsewhere = (
        ELSEWHERE.replace(' run_process stop_process', '')
        + 'SYSTEMD_DIR={folder}/systemd SYSTEMCTL="note systemctl"\n'
    ).replace('/venv/bin', f'{sys.prefix}/bin')
    stack.settings = 'ECRAE_TELEMETRY_SOURCES=prometheus'

    asked = stack.run('stack', 'extra')
    names = ['ecrae-collector', 'ecrae-rebalancer', 'ecrae-agent']
    units = [f'devstack@{name}.service' for name in names]
    started = [call.split()[-1] for call in asked if ' start ' in call]
    assert started == units
    verify = shutil.which('systemd-analyze')
    for name, unit in zip(names, units, strict=True):
        path = stack.folder / 'systemd' / unit
        options = configparser.ConfigParser(strict=False, interpolation=None)
        options.optionxform = str
        options.read(path)
        program, *arguments = options['Service']['ExecStart'].split()
        assert program == f'{sys.prefix}/bin/{name}'
        assert arguments == ['--config-file', f'{stack.folder}/etc/ecrae.conf']
        if name == 'ecrae-agent':
            assert options['Service']['User'] == 'root'
        # Part of systemd, which a container may not have.
        if verify:
            done = subprocess.run(
                [verify, '--man=no', 'verify', path],
                capture_output=True,
                text=True,
            )
            assert (done.returncode, done.stderr) == (0, '')

    asked = stack.run('unstack')
    stopped = [call.split()[-1] for call in asked if ' stop ' in call]
    assert sorted(stopped) == sorted(units)


def test_the_collector_starts_where_there_is_telemetry(stack):
    stack.settings = 'ECRAE_TELEMETRY_SOURCES=prometheus'
    calls = stack.run('stack', 'extra')

    assert any('ecrae-collector --config-file' in call for call in calls)
    (setup,) = stack.run('stack', 'install')
    assert setup.endswith('agent,prometheus')


def test_every_option_of_tempest_exists(stack):
    assert stack.run('stack', 'test-config') == ['check_ecrae']

    known = [(tempest_config.ecrae_group, tempest_config.EcraeGroup)]
    file = stack.file('tempest.conf')
    assert service_file.faults(file, known, frozenset()) == []
    (command,) = file.items('ecrae', 'operator_command')
    assert command == (
        f'/venv/bin/ecrae --config-file {stack.folder}/etc/ecrae.conf'
    )


def test_clean_leaves_nothing(stack):
    stack.run('stack', 'post-config')
    stack.run('clean')

    assert not (stack.folder / 'etc').exists()
    assert not (stack.folder / 'data/ecrae').exists()


def test_without_its_service_the_plugin_does_nothing(stack):
    before = (stack.folder / 'nova.conf').read_text()
    stack.settings = 'enable_service() { :; }'
    stack.services = 'key,nova'

    assert stack.run('stack', 'post-config') == []
    assert (stack.folder / 'nova.conf').read_text() == before


def test_every_extra_that_is_installed_exists():
    setup = (TOP / 'setup.cfg').read_text()
    library = (TOP / 'devstack/lib/ecrae').read_text()
    named = re.findall(r'extras\+?=,?(\S+)', library)
    for extra in ','.join(named).split(','):
        assert re.search(rf'^{extra} =$', setup, re.M), extra


def test_every_variable_is_explained():
    settings = (TOP / 'devstack/settings').read_text()
    library = (TOP / 'devstack/lib/ecrae').read_text()
    for name in set(re.findall(r'\bECRAE_[A-Z_]+', settings)):
        assert f'# {name}: ' in settings, name
    page = (TOP / 'doc/source/install/devstack.rst').read_text()
    for name in re.findall(r'^(ECRAE_[A-Z_]+)=', settings, re.M):
        assert f'``{name}``' in page, name
        assert name in library or name in settings
