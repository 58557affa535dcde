# SPDX-License-Identifier: Apache-2.0

"""Nodes with agents on them, a message bus and a knowledge base between.

Agents run in the nodes on this machine's Python, mounted in.
"""

import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent import futures
from typing import Any

from ecrae import exception
from ecrae.migration import certificates
from testnodes import bus
from testnodes import caller
from testnodes import nodes
from testnodes import roots
from testnodes import workloads


REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
_CERTIFICATE_DAYS = 30

_CONF = """
[DEFAULT]
transport_url = {bus}
log_file = /srv/agent.log
debug = {debug}
[oslo_messaging_rabbit]
heartbeat_timeout_threshold = 10
kombu_reconnect_delay = 0.3
rabbit_retry_interval = 1
rabbit_interval_max = 1
[ecrae_database]
connection = sqlite:////shared/ecrae.sqlite
[ecrae_agent]
host = {host}
drivers = {drivers}
migration_address = {address}
certificate_directory = /etc/ecrae/certificates
state_directory = /srv/migrations
workload_directory = /srv/workloads
transfer_timeout = {transfer_timeout}
complete_timeout = {complete_timeout}
heartbeat_interval = 2
call_timeout = {call_timeout}
{extra}
"""


class Fleet:
    """A site whose nodes have agents."""

    def __init__(
        self,
        site: nodes.Site,
        *,
        drivers: str = 'criu',
        options: str = '',
        transfer_timeout_s: int = 120,
        complete_timeout_s: int = 120,
        call_timeout_s: int = 30,
        agent: tuple[str, ...] = ('-m', 'ecrae.cmd.agent'),
        state_mib: int = 0,
        rate: str = '',
    ) -> None:
        """``state_mib`` gives the migrations a disk of that size."""
        self._state_mib = state_mib
        self.rate = rate
        self.site = site
        self.bus = bus.Bus(site)
        self._caller = caller.Caller(site, site.scratch / 'control.conf')
        self.shared = site.scratch / 'shared'
        self._drivers = drivers
        self._options = options
        self._timeouts = {
            'transfer_timeout': transfer_timeout_s,
            'complete_timeout': complete_timeout_s,
            'call_timeout': call_timeout_s,
        }
        self.agent_command = agent
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        site.environment['PYTHONPATH'] = str(REPOSITORY)

    def start(self, *names: str) -> None:
        """Bus, knowledge base, nodes and agents."""
        if sys.base_prefix == '/usr':
            raise roots.LacksError(
                'agents in nodes need a Python outside /usr, such as pyenv '
                'makes, to mount it in'
            )
        self.shared.mkdir(parents=True, exist_ok=True)
        self._control_conf()
        with futures.ThreadPoolExecutor() as pool:
            for each in (
                pool.submit(self.bus.start),
                pool.submit(self.manage, 'db', 'sync'),
            ):
                each.result()
        for name in names:
            self.add(name)

    def add(self, name: str) -> nodes.Node:
        """A node with an agent."""
        number = len(self.site.nodes) + 1
        address = f'{nodes.DATA}.{number}'
        self.certify(name, address)
        etc = self.certificates(name).parent
        (etc / 'ecrae.conf').write_text(
            _CONF.format(
                bus=self.bus.url,
                host=name,
                drivers=self._drivers,
                address=address,
                debug='ECRAE_TESTNODES_DEBUG' in os.environ,
                **self._timeouts,
                extra=self._options,
            )
        )
        prefixes = {sys.prefix, sys.base_prefix, str(REPOSITORY)}
        node = self.site.add(
            name,
            *((prefix, prefix, 'ro') for prefix in sorted(prefixes)),
            (REPOSITORY / 'tools' / 'testnodes', workloads.TOOLS, 'ro'),
            (self.shared, workloads.SHARED, 'rw'),
            (etc, '/etc/ecrae', 'ro'),
        )
        node.run('mkdir', '-p', '/srv/migrations', '/srv/workloads')
        self.mount_state(node)
        node.shape(self.rate)
        self.start_agent(node)
        return node

    @property
    def ca(self) -> pathlib.Path:
        """The folder of the CA."""
        return self.site.scratch / 'ca'

    def certificates(self, name: str) -> pathlib.Path:
        """The folder of a node's certificate, as its agent sees it."""
        return self.site.scratch / f'etc-{name}' / 'certificates'

    def certify(self, name: str, address: str) -> None:
        """Give a node a certificate, or a new one."""
        certificates.make_ca(self.ca)
        issued = certificates.issue(self.ca, name, address, _CERTIFICATE_DAYS)
        shutil.copytree(issued, self.certificates(name), dirs_exist_ok=True)

    def start_agent(self, node: nodes.Node) -> None:
        """Start the agent of a node; returns before it answers."""
        self._processes[node.name] = node.popen(
            f'{sys.prefix}/bin/python',
            *self.agent_command,
            '--config-file',
            '/etc/ecrae/ecrae.conf',
            log='agent.out',
        )

    def mount_state(self, node: nodes.Node) -> None:
        """Mount the migrations' disk in a booted node, if they have one."""
        if not self._state_mib:
            return
        image = node.private / 'var' / 'state.img'
        if not image.exists():
            with image.open('wb') as file:
                file.truncate(self._state_mib << 20)
            subprocess.run(['mkfs.ext4', '-q', '-F', str(image)], check=True)
        node.run('mount', '-o', 'loop', '/srv/state.img', '/srv/migrations')

    def running_agents(self) -> set[str]:
        """Nodes whose agent is a living process."""
        return {
            name
            for name, process in self._processes.items()
            if process.poll() is None
        }

    def forget_agent(self, node: nodes.Node) -> None:
        """The agent went with its node."""
        self._processes.pop(node.name).wait()

    def restart_agent_process(self, node: nodes.Node) -> None:
        """kill -9 and a new life, which may not answer yet."""
        self.kill_agent(node)
        self.start_agent(node)

    def kill_agent(self, node: nodes.Node) -> None:
        """kill -9 of all that is the agent, but not of what it started."""
        for word in (
            'ecrae.cmd.agent',
            'privsep_context',
            *self.agent_command[-1:],
        ):
            pids = node.pids(word)
            if pids:
                node.run('kill', '-9', *map(str, pids), check=False)
        self._processes.pop(node.name).wait()

    def restart_agent(self, node: nodes.Node) -> None:
        """kill -9 and a new life that answers."""
        self.restart_agent_process(node)
        self.wait_for_agent(node.name)

    def _control_conf(self) -> None:
        (self.site.scratch / 'control.conf').write_text(
            f'[DEFAULT]\ntransport_url = {self.bus.url}\n'
            '[ecrae_database]\n'
            f'connection = sqlite:///{self.shared}/ecrae.sqlite\n'
        )

    def _tool(self, module: str, *words: str, check: bool = True) -> Any:
        done = subprocess.run(
            self.site.command(
                sys.executable,
                '-m',
                module,
                '--config-file',
                str(self.site.scratch / 'control.conf'),
                *words,
            ),
            text=True,
            capture_output=True,
            check=False,
            timeout=180,
            cwd=REPOSITORY,
        )
        if check and done.returncode:
            raise RuntimeError(f'{words}: {done.stdout}{done.stderr}')
        return done

    def manage(self, *words: str) -> Any:
        """Run ``ecrae-manage``."""
        return self._tool('ecrae.cmd.manage', *words)

    def ecrae(self, *words: str, check: bool = True) -> Any:
        """Run ``ecrae``."""
        return self._tool('ecrae.cmd.shell', *words, check=check)

    def call(self, method: str, *arguments: str) -> Any:
        """Call an agent over the bus, as the rebalancer does.

        :raises ecrae.exception.EcraeError: what the agent answered.
        """
        return self._caller.call(method, *arguments)

    def stop(self) -> None:
        """End what does not end with the nodes."""
        self._caller.stop()
        self.bus.stop()

    def wait_for_agent(self, name: str) -> None:
        """Return once the agent answers."""
        deadline = time.monotonic() + 90.0
        while True:
            try:
                self.call('get_agent', name)
                return
            except exception.Unreachable:
                if time.monotonic() > deadline:
                    raise

    def migrate(
        self, workload: str, source: str, to: str, mode: str = 'auto'
    ) -> dict[str, Any]:
        """Move a workload and wait until that is over, either way."""
        job = self.call('migrate', source, workload, to, mode)
        return self.wait(source, job['id'])

    def wait(
        self, host: str, migration_id: str, timeout_s: float = 180.0
    ) -> dict[str, Any]:
        """The migration, once it is over at the source."""
        found: dict[str, Any] = self.call(
            'wait', host, migration_id, str(timeout_s)
        )
        return found

    def workload(
        self, node: nodes.Node, name: str, mib: int, port: int = 0
    ) -> workloads.Workload:
        """Start a workload on a node and register it."""
        found = workloads.Workload(self.site, self.shared, name)
        found.start(node, mib, port)
        return found


def kill_criu(
    node: nodes.Node, *, kills: int, mib: int, seed: int = 1
) -> list[dict[str, Any]]:
    """Kill criu in a node of a fleet that often, see criu_kills.py."""
    done = node.run(
        f'{sys.prefix}/bin/python',
        f'{workloads.TOOLS}/criu_kills.py',
        '/srv/kills',
        *map(str, (kills, mib, seed)),
        check=False,
        timeout_s=60.0 + 5.0 * kills,
    )
    found = [json.loads(line) for line in done.stdout.splitlines()]
    if len(found) < kills:
        raise RuntimeError(done.stderr[-2000:])
    return found


@contextlib.contextmanager
def running(
    scratch: pathlib.Path,
    *names: str,
    packages: tuple[str, ...] = roots.BASE,
    **options: Any,
) -> Iterator[Fleet]:
    """A fleet, gone afterwards; ``packages`` are the nodes'."""
    tree = roots.build(packages)
    with nodes.pipe_max_size(), nodes.Site(tree, scratch) as site:
        fleet = Fleet(site, **options)
        try:
            fleet.start(*names)
            yield fleet
        finally:
            fleet.stop()
