# SPDX-License-Identifier: Apache-2.0

"""From nothing to a cloud that boots servers, and back."""

import base64
import concurrent.futures
import os
import pathlib
import shutil
import time
import urllib.error
import urllib.request

from testcloud_lib import backends
from testcloud_lib import configuration
from testcloud_lib import ecrae_wiring
from testcloud_lib import environment
from testcloud_lib import gnocchi
from testcloud_lib import packages
from testcloud_lib import progress
from testcloud_lib import schemas
from testcloud_lib import seeding
from testcloud_lib import services
from testcloud_lib.cloud import Cloud
from testcloud_lib.errors import CloudError
from testcloud_lib.processes import Processes
from testcloud_lib.processes import Service


#: These log in to Keystone as they start, so there must be users first.
CONTROL = ('nova-conductor', 'nova-scheduler', 'heat-engine')


class BringUp:
    """One run of ``up``; each step leaves alone what is done already."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._processes = Processes(cloud)
        self._progress = progress.Progress()
        self._log = cloud.logs / 'testcloud.log'
        self._by_name: dict[str, Service] = {}

    def run(self) -> None:
        """Do everything; the cloud is ready when this returns.

        :raises CloudError: something did not work.
        """
        cloud = self._cloud
        step = self._progress.step
        self._claim_ports()
        with step('Debian packages and Python environment'):
            self._install()
        with step('configuration'):
            self._configure()
        with step('MariaDB, RabbitMQ and tables'):
            self._backends()
        with step('Keystone'):
            self._keystone()
        with step('APIs and control services'):
            self._control()
        with step(f'{len(cloud.computes)} compute hosts'):
            self._computes()
        if cloud.has_gnocchi:
            with step('Gnocchi and the collector'):
                self._telemetry()
        self._nothing_died()
        print(f'ready after {self._progress.elapsed_s:.0f} s')

    def _claim_ports(self) -> None:
        """Refuse ports that something else holds."""
        cloud = self._cloud
        if self._processes.is_supervised():
            return
        self._processes.sweep()
        for port in cloud_ports(cloud):
            if backends.is_listening(port):
                raise CloudError(
                    f'port {port} is taken; choose others with --port-base'
                )

    def _install(self) -> None:
        cloud = self._cloud
        cloud.logs.mkdir(parents=True, exist_ok=True)
        cloud.save()
        with concurrent.futures.ThreadPoolExecutor() as pool:
            debian = pool.submit(packages.install, cloud.logs / 'apt.log')
            python = pool.submit(
                environment.make, cloud, cloud.logs / 'venv.log'
            )
        debian.result()
        python.result()

    def _configure(self) -> None:
        cloud = self._cloud
        for folder in ('home', 'keystone/fernet', 'keystone/credential'):
            (cloud.data / folder).mkdir(parents=True, exist_ok=True)
        for compute in cloud.computes:
            (cloud.data / 'nova' / compute.name / 'instances').mkdir(
                parents=True, exist_ok=True
            )
        make_keys(cloud.data / 'keystone' / 'fernet')
        make_keys(cloud.data / 'keystone' / 'credential')
        backends.write_configuration(cloud)
        configuration.write(cloud)
        self._by_name = {
            service.name: service for service in services.all_services(cloud)
        }
        self._processes.supervise()

    def _backends(self) -> None:
        cloud = self._cloud
        migrated = cloud.data / 'migrated'
        self._start('epmd', 'rabbitmq')
        if not migrated.exists():
            if schemas.take(cloud, self._log):
                self._start_mariadb()
            else:
                backends.make_database_folder(cloud, self._log)
                self._start_mariadb()
                schemas.migrate(cloud, services.base_env(cloud))
                self._processes.stop('mariadb')
                schemas.keep(cloud, self._log)
            migrated.touch()
        self._start_mariadb()
        backends.wait_for_port(cloud.port('amqp'), 'RabbitMQ')

    def _start_mariadb(self) -> None:
        self._start('mariadb')
        backends.wait_for_port(self._cloud.port('mariadb'), 'MariaDB')

    def _keystone(self) -> None:
        cloud = self._cloud
        self._start('keystone-api')
        bootstrapped = cloud.data / 'keystone' / 'bootstrapped'
        if not bootstrapped.exists():
            seeding.bootstrap_keystone(cloud, self._log)
            bootstrapped.touch()
        self._await_api('keystone')

    def _control(self) -> None:
        cloud = self._cloud
        self._start(*(f'{name}-api' for name in services.APIS))
        seeding.identity(cloud, self._log)
        self._start(*CONTROL)
        for name in services.APIS:
            self._await_api(name)

    def _computes(self) -> None:
        cloud = self._cloud
        self._start(
            *(f'nova-compute-{each.name}' for each in cloud.computes),
            'guest-agent',
        )
        with concurrent.futures.ThreadPoolExecutor() as pool:
            known = pool.submit(
                ecrae_wiring.prepare,
                cloud,
                services.base_env(cloud),
                cloud.logs / 'ecrae-manage.log',
            )
            made = pool.submit(seeding.resources, cloud, self._log)
        known.result()
        made.result()

    def _telemetry(self) -> None:
        cloud = self._cloud
        config = cloud.etc / 'gnocchi/gnocchi.conf'
        upgraded = cloud.data / 'gnocchi' / 'upgraded'
        if not upgraded.exists():
            upgraded.parent.mkdir(parents=True, exist_ok=True)
            progress.run(
                gnocchi.upgrade(environment.gnocchi_venv(cloud), config),
                self._log,
                env=services.base_env(cloud),
            )
            upgraded.touch()
        self._start(*(each.name for each in services.telemetry(cloud)))
        self._await_api('gnocchi')

    def _start(self, *names: str) -> None:
        self._processes.start_all(self._by_name[name] for name in names)

    def _await_api(self, name: str, timeout_s: float = 90) -> None:
        deadline = time.monotonic() + timeout_s
        while not answers(self._cloud.url(name, '/')):
            self._nothing_died()
            if time.monotonic() > deadline:
                raise CloudError(
                    f'{name} does not answer after {timeout_s:.0f} s; see '
                    f'{self._cloud.logs}/{name}-api.log'
                )
            time.sleep(0.3)

    def _nothing_died(self) -> None:
        for status in self._processes.statuses().values():
            if not status.is_running:
                log = pathlib.Path(status.log)
                raise CloudError(
                    f'{status.name} ended with {status.exit_code}; the end '
                    f'of {log}:\n{progress.tail(log, progress.TAIL_LINES)}'
                )


def cloud_ports(cloud: Cloud) -> list[int]:
    """Every port that the cloud uses on this start."""
    names = ('mariadb', 'amqp', 'amqp_dist', 'epmd', *services.APIS)
    return [cloud.port(name) for name in (*names, *cloud.extras)]


def answers(url: str) -> bool:
    """Whether an API answers anything but a server error."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=5):
            return True
    except urllib.error.HTTPError as exc:
        return exc.code < 500
    except OSError:
        return False


def make_keys(folder: pathlib.Path) -> None:
    """Make the staged and the primary Fernet key that Keystone expects."""
    folder.chmod(0o700)
    for name in ('0', '1'):
        path = folder / name
        if not path.exists():
            path.touch(mode=0o600)
            path.write_bytes(base64.urlsafe_b64encode(os.urandom(32)))


def take_down(cloud: Cloud, *, purge: bool) -> None:
    """Stop everything and remove all but logs and cache.

    :param purge: remove those too.
    """
    Processes(cloud).shutdown()
    for folder in (cloud.run, cloud.data, cloud.etc, cloud.venv):
        shutil.rmtree(folder, ignore_errors=True)
    (cloud.state / 'cloud.json').unlink(missing_ok=True)
    if purge:
        shutil.rmtree(cloud.state, ignore_errors=True)
