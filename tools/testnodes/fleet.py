# SPDX-License-Identifier: Apache-2.0

"""Nodes with agents on them, a message bus and a knowledge base between.

RabbitMQ runs as a process of this machine in the site's network; agents run
in the nodes on this machine's Python, mounted in.
"""

import contextlib
import itertools
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

from ecrae import exception
from testnodes import nodes
from testnodes import roots


REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
TOOLS = '/opt/testnodes'
SHARED = '/shared'
_BUS = 'rabbit://guest:guest@{address}:5672/'
_RABBITMQ = pathlib.Path('/usr/lib/rabbitmq/bin/rabbitmq-server')

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
{extra}
"""


class Bus:
    """A RabbitMQ of our own in the site's network."""

    def __init__(self, site: nodes.Site) -> None:
        self._site = site
        self._folder = site.scratch / 'rabbitmq'
        self._process: subprocess.Popen[bytes] | None = None
        self.url = _BUS.format(address=nodes.CONTROL)

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        if not _RABBITMQ.exists():
            roots.install('rabbitmq-server', program=str(_RABBITMQ))
        self._folder.mkdir(parents=True, exist_ok=True)
        config = self._folder / 'rabbitmq.conf'
        config.write_text(
            f'listeners.tcp.1 = {nodes.CONTROL}:5672\nloopback_users = none\n'
        )
        environment = {
            **os.environ,
            'HOME': str(self._folder),
            'RABBITMQ_NODENAME': 'ecrae@localhost',
            'RABBITMQ_CONFIG_FILE': str(config),
            'RABBITMQ_MNESIA_BASE': str(self._folder / 'db'),
            'RABBITMQ_LOG_BASE': str(self._folder / 'log'),
            'RABBITMQ_ENABLED_PLUGINS_FILE': str(self._folder / 'plugins'),
            'RABBITMQ_PID_FILE': str(self._folder / 'pid'),
            'RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS': '+S 1:1 +sbwt none',
        }
        with (self._folder / 'out').open('ab') as out:
            self._process = subprocess.Popen(
                self._site.command(str(_RABBITMQ)),
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        nodes.wait_for(self._answers, 'RabbitMQ', 90.0)

    def _answers(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            raise RuntimeError(f'RabbitMQ ended: see {self._folder / "out"}')
        done = subprocess.run(
            self._site.command(
                sys.executable,
                '-c',
                'import socket; socket.create_connection('
                f'("{nodes.CONTROL}", 5672), 1).recv(0)',
            ),
            check=False,
            capture_output=True,
        )
        time.sleep(0.3)
        return done.returncode == 0

    def stop(self) -> None:
        """Kill it, with what it started."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        """Lose every connection, and come back."""
        self.stop()
        self.start()


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
        agent: tuple[str, ...] = ('-m', 'ecrae.cmd.agent'),
        state_mib: int = 0,
        rate: str = '',
    ) -> None:
        """``state_mib`` gives the migrations a disk of that size."""
        self._state_mib = state_mib
        self.rate = rate
        self.site = site
        self.bus = Bus(site)
        self.shared = site.scratch / 'shared'
        self._drivers = drivers
        self._options = options
        self._timeouts = (transfer_timeout_s, complete_timeout_s)
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
        self.bus.start()
        self._control_conf()
        self.manage('db', 'sync')
        for name in names:
            self.add(name)

    def add(self, name: str) -> nodes.Node:
        """A node with an agent."""
        number = len(self.site.nodes) + 1
        etc = self.site.scratch / f'etc-{name}'
        etc.mkdir(parents=True, exist_ok=True)
        address = f'{nodes.DATA}.{number}'
        self._certify(name, address, etc)
        transfer_s, complete_s = self._timeouts
        (etc / 'ecrae.conf').write_text(
            _CONF.format(
                bus=self.bus.url,
                host=name,
                drivers=self._drivers,
                address=address,
                debug='ECRAE_TESTNODES_DEBUG' in os.environ,
                transfer_timeout=transfer_s,
                complete_timeout=complete_s,
                extra=self._options,
            )
        )
        prefixes = {sys.prefix, sys.base_prefix, str(REPOSITORY)}
        node = self.site.add(
            name,
            *((prefix, prefix, 'ro') for prefix in sorted(prefixes)),
            (REPOSITORY / 'tools' / 'testnodes', TOOLS, 'ro'),
            (self.shared, SHARED, 'rw'),
            (etc, '/etc/ecrae', 'ro'),
        )
        node.run('mkdir', '-p', '/srv/migrations', '/srv/workloads')
        self.mount_state(node)
        node.shape(self.rate)
        self.start_agent(node)
        return node

    def _certify(self, name: str, address: str, etc: pathlib.Path) -> None:
        ca = self.site.scratch / 'ca'
        self.manage(
            'certificate',
            'issue',
            name,
            '--address',
            address,
            '--ca',
            str(ca),
        )
        shutil.copytree(
            ca / 'hosts' / name, etc / 'certificates', dirs_exist_ok=True
        )

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
        done = subprocess.run(
            self.site.command(
                sys.executable,
                '-W',
                'ignore',
                str(pathlib.Path(__file__).with_name('call.py')),
                str(self.site.scratch / 'control.conf'),
                method,
                *arguments,
            ),
            text=True,
            capture_output=True,
            check=False,
            timeout=400,
            cwd=REPOSITORY,
        )
        if done.returncode:
            raise RuntimeError(done.stderr)
        answer = json.loads(done.stdout)
        if 'error' in answer:
            raise getattr(exception, answer['error'])(answer['message'])
        return answer['result']

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
    ) -> 'Workload':
        """Start a workload on a node and register it."""
        found = Workload(self, name)
        found.start(node, mib, port)
        return found


class Workload:
    """The heartbeating program, wherever it runs."""

    def __init__(self, fleet: Fleet, name: str) -> None:
        self.fleet = fleet
        self.name = name
        self.beats = fleet.shared / f'{name}.beats'
        self.pid = 0

    def start(self, node: nodes.Node, mib: int, port: int) -> None:
        """Run it and wait for its first beat."""
        self.beats.unlink(missing_ok=True)
        self.beats.with_suffix('.sum').unlink(missing_ok=True)
        words = [str(port)] if port else []
        self.pid = node.daemon(
            'python3',
            f'{TOOLS}/workload.py',
            f'{SHARED}/{self.beats.name}',
            str(mib),
            *words,
        )
        nodes.wait_for(self.beats.exists, f'{self.name} to beat', 60.0)
        self.register(node)

    def register(self, node: nodes.Node, **facts: Any) -> None:
        """Write the file that says the agent may move it."""
        path = node.private / 'var' / 'workloads' / f'{self.name}.json'
        path.write_text(json.dumps({'pid': self.pid, **facts}))

    def read_beats(self, since_ns: int = 0) -> list[tuple[int, str]]:
        """(time in ns, host) of each beat."""
        found = []
        for line in self.beats.read_text().splitlines():
            words = line.split()
            if len(words) == 2 and int(words[0]) >= since_ns:
                found.append((int(words[0]), words[1]))
        return found

    def downtime_s(self, since_ns: int = 0) -> float:
        """The longest gap between two beats."""
        times = [beat for beat, _ in self.read_beats(since_ns)]
        return max(b - a for a, b in itertools.pairwise(times)) / 1e9

    def hosts_beating(self, for_s: float = 0.5) -> set[str]:
        """Where it beats, from its next beat on for a moment."""
        since = time.monotonic_ns()
        with contextlib.suppress(TimeoutError):
            nodes.wait_for(lambda: self.read_beats(since), 'a beat', 15.0)
        time.sleep(for_s)
        return {host for _, host in self.read_beats(since)}

    def is_intact(self, node: nodes.Node, timeout_s: float = 60.0) -> bool:
        """Whether its memory has the digest that it remembers."""
        path = self.beats.with_suffix('.sum')
        path.unlink(missing_ok=True)
        node.run('kill', '-USR1', str(self.pid))
        nodes.wait_for(path.exists, f'{self.name} to sum', timeout_s)
        remembered, found = path.read_text().split()
        return remembered == found

    def stop(self) -> None:
        """Kill it wherever it is."""
        for node in self.fleet.site.nodes.values():
            for pid in node.pids(f'{SHARED}/{self.beats.name}'):
                node.run('kill', '-KILL', str(pid), check=False)
            path = node.private / 'var' / 'workloads' / f'{self.name}.json'
            path.unlink(missing_ok=True)


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
            fleet.bus.stop()
