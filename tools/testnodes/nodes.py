# SPDX-License-Identifier: Apache-2.0

"""Nodes and the wires between them.

::

    with nodes.Site(tree, scratch) as site:
        one, two = site.add('one'), site.add('two')
        one.run('criu', 'check')

Every node has two wires into the site's own network namespace: ``mgmt``
(10.77.0.N) and ``data`` (10.78.0.N). ``site.command`` runs a program of this
machine in the site's namespace at .254, as a message bus would be.
"""

import contextlib
import ctypes
import fcntl
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from collections.abc import Iterator
from types import TracebackType

from testnodes import roots


_INIT = pathlib.Path(__file__).with_name('init.sh')
MGMT = '10.77.0'
DATA = '10.78.0'
CONTROL = f'{MGMT}.254'

Bind = tuple[os.PathLike[str] | str, str, str]


def wait_for(
    condition: Callable[[], object], what: str, timeout_s: float = 20.0
) -> None:
    """Return once ``condition`` is true.

    :raises TimeoutError: naming ``what``.
    """
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        time.sleep(0.02)


def _child_of(pid: int) -> int | None:
    path = pathlib.Path(f'/proc/{pid}/task/{pid}/children')
    with contextlib.suppress(OSError):
        children = path.read_text().split()
        return int(children[0]) if children else None
    return None


class Node:
    """One machine; commands run in all of its namespaces."""

    def __init__(
        self, site: 'Site', name: str, number: int, binds: tuple[Bind, ...]
    ) -> None:
        self.site = site
        self.name = name
        self.number = number
        self.address = f'{DATA}.{number}'
        self.mgmt_address = f'{MGMT}.{number}'
        self.private = site.scratch / name
        self._binds = binds
        self._holder: subprocess.Popen[bytes] | None = None
        self.pid = 0

    def start(self) -> None:
        """Boot: namespaces, file system, init; keeps a former life's disk."""
        self.private.mkdir(parents=True, exist_ok=True)
        binds = [
            f'{source}:{target}:{mode}' for source, target, mode in self._binds
        ]
        self._holder = subprocess.Popen(
            [
                'unshare',
                '-m',
                '-p',
                '-u',
                '-i',
                '-n',
                '--fork',
                '--kill-child=KILL',
                str(_INIT),
                self.name,
                str(self.site.tree),
                str(self.private),
                *binds,
            ],
            stdin=subprocess.DEVNULL,
        )
        wait_for(self._is_up, f'node {self.name} to boot')
        for kind, prefix in (('mgmt', MGMT), ('data', DATA)):
            self._wire(kind, f'{prefix}.{self.number}')

    def _is_up(self) -> bool:
        if self._holder is None or self._holder.poll() is not None:
            raise RuntimeError(f'node {self.name} did not boot')
        child = _child_of(self._holder.pid)
        if child is None:
            return False
        with contextlib.suppress(OSError):
            name = pathlib.Path(f'/proc/{child}/comm').read_text().strip()
            if name == 'tini':
                self.pid = child
                return True
        return False

    def _wire(self, kind: str, address: str) -> None:
        peer = f'{kind}{self.number}'
        self.site.ip(
            f'link add {peer} type veth peer name {kind} netns {self.pid}',
            f'link set {peer} master br-{kind} up',
        )
        for command in (
            f'link set {kind} up',
            f'addr add {address}/24 dev {kind}',
        ):
            self.run('ip', *command.split())

    def command(self, *argv: str) -> list[str]:
        """``argv`` as it runs in the node."""
        return [
            'nsenter',
            '-t',
            str(self.pid),
            '-m',
            '-u',
            '-i',
            '-n',
            '-p',
            '--wdns=/',
            '--',
            *argv,
        ]

    def run(
        self, *argv: str, check: bool = True, timeout_s: float = 120.0
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; its output is captured."""
        done = subprocess.run(
            self.command(*argv),
            text=True,
            capture_output=True,
            check=False,
            timeout=timeout_s,
            stdin=subprocess.DEVNULL,
            env=self.site.environment,
        )
        if check and done.returncode:
            raise RuntimeError(
                f'{self.name}: {" ".join(argv)}: {done.returncode}: '
                f'{done.stdout[-1500:]}{done.stderr[-1500:]}'
            )
        return done

    def popen(self, *argv: str, log: str) -> subprocess.Popen[bytes]:
        """Start a command that goes on; its output goes to ``log``."""
        with (self.private / log).open('ab') as out:
            return subprocess.Popen(
                self.command(*argv),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=self.site.environment,
                start_new_session=True,
            )

    def daemon(self, *argv: str, log: str = '/dev/null') -> int:
        """Start a child of the node's init; returns its pid in the node.

        It has no file open from outside the node, so CRIU can dump it.
        """
        script = (
            'exec 3>&1 <"$1" >>"$2" 2>&1; shift 2; cd /; '
            'setsid "$@" 3>&- & echo $! >&3'
        )
        shell = ('sh', '-c', script, 'sh', '/dev/null', log)
        done = subprocess.run(
            self.command(*shell, *argv),
            text=True,
            capture_output=True,
            check=True,
            timeout=20,
            stdin=subprocess.DEVNULL,
            env=self.site.environment,
        )
        return int(done.stdout)

    def pids(self, word: str) -> list[int]:
        """Processes of the node whose command line has ``word``."""
        done = self.run('pgrep', '-f', word, check=False)
        return [int(line) for line in done.stdout.split()]

    def shape(self, rate: str = '', delay: str = '') -> None:
        """Limit what the node sends on ``data``: ``1gbit``, ``2ms``.

        A delay needs the kernel's netem, a rate alone does with tbf.
        """
        device = ('dev', 'data', 'root')
        self.run('tc', 'qdisc', 'del', *device, check=False)
        if delay:
            limits = ['netem', 'limit', '20000', 'delay', delay]
            limits += ['rate', rate] if rate else []
        elif rate:
            limits = ['tbf', 'rate', rate, 'burst', '512kb', 'latency', '50ms']
        else:
            return
        done = self.run('tc', 'qdisc', 'add', *device, *limits, check=False)
        if done.returncode:
            raise roots.LacksError(
                f'this kernel has no {limits[0]} queue: {done.stderr.strip()}'
            )

    def cut(self, kind: str = 'data') -> None:
        """Pull one wire."""
        self.run('ip', 'link', 'set', kind, 'down')

    def mend(self, kind: str = 'data') -> None:
        """Put the wire back."""
        self.run('ip', 'link', 'set', kind, 'up')

    def kill(self) -> None:
        """Lose power: everything in the node is gone at once."""
        if self._holder is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            self._holder.kill()
            self._holder.wait()
            self._holder = None
        for kind in ('mgmt', 'data'):
            self.site.ip(f'link del {kind}{self.number}', check=False)


_libc = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNET = 0x40000000


def setns(descriptor: int) -> None:
    """Put the calling thread into a network namespace."""
    if _libc.setns(descriptor, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), 'setns')


class Site:
    """Nodes that share a tree, a folder for their disks and a network."""

    def __init__(self, tree: pathlib.Path, scratch: pathlib.Path) -> None:
        self.tree = tree
        self.scratch = scratch
        self.nodes: dict[str, Node] = {}
        self.environment = {
            'PATH': '/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
            'HOME': '/root',
            'LANG': 'C.UTF-8',
        }
        self._holder: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> 'Site':
        self.scratch.mkdir(parents=True, exist_ok=True)
        self._holder = subprocess.Popen(
            ['unshare', '-n', 'sleep', 'infinity'], stdin=subprocess.DEVNULL
        )
        own = os.readlink('/proc/self/ns/net')
        holder = pathlib.Path(f'/proc/{self._holder.pid}/ns/net')
        wait_for(lambda: os.readlink(holder) != own, 'a network namespace')
        self.ip('link set lo up')
        for kind, prefix in (('mgmt', MGMT), ('data', DATA)):
            self.ip(
                f'link add br-{kind} type bridge',
                f'link set br-{kind} up',
                f'addr add {prefix}.254/24 dev br-{kind}',
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for node in self.nodes.values():
            node.kill()
        if self._holder is not None:
            self._holder.kill()
            self._holder.wait()
        for node in self.nodes.values():
            shutil.rmtree(node.private, ignore_errors=True)

    def add(self, name: str, *binds: Bind) -> Node:
        """A new, booted node; ``binds`` are (source, target, ro|rw)."""
        node = Node(self, name, len(self.nodes) + 1, binds)
        self.nodes[name] = node
        node.start()
        return node

    def command(self, *argv: str) -> list[str]:
        """``argv`` as it runs in the site's network on this machine."""
        if self._holder is None:
            raise RuntimeError('the site is not up')
        return ['nsenter', '-t', str(self._holder.pid), '-n', '--', *argv]

    def enter(self) -> None:
        """Put the calling thread, and those it starts, into the network."""
        with open(f'/proc/{self._holder_pid}/ns/net') as namespace:
            setns(namespace.fileno())

    def socket(self) -> socket.socket:
        """A TCP socket of this process, in the site's network."""
        if self._holder is None:
            raise RuntimeError('the site is not up')
        found: list[socket.socket] = []

        def make() -> None:
            # A thread of its own, so that no other changes its network.
            self.enter()
            found.append(socket.socket())

        worker = threading.Thread(target=make)
        worker.start()
        worker.join()
        return found[0]

    @property
    def _holder_pid(self) -> int:
        return self._holder.pid if self._holder else 0

    def ip(self, *commands: str, check: bool = True) -> None:
        """Run ``ip`` in the site's network."""
        for command in commands:
            subprocess.run(
                self.command('ip', *command.split()),
                check=check,
                capture_output=not check,
            )


_PIPE_LIMIT = pathlib.Path('/proc/sys/fs/pipe-max-size')
_PIPE_USERS = pathlib.Path('/run/lock/ecrae-testnodes.pipe')


@contextlib.contextmanager
def pipe_max_size(wanted: int = 4 << 20) -> Iterator[None]:
    """Let CRIU's page server have its pipe; the old limit comes back.

    Without CAP_SYS_RESOURCE nobody may pass this limit, and post-copy dies
    at its first page. Who raises it writes the old one down; the last of
    several sites at once puts it back.
    """
    _PIPE_USERS.parent.mkdir(parents=True, exist_ok=True)
    with _PIPE_USERS.open('a+') as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        before = int(_PIPE_LIMIT.read_text())
        if before < wanted:
            _PIPE_USERS.write_text(str(before))
            _PIPE_LIMIT.write_text(str(wanted))
        try:
            yield
        finally:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                old = _PIPE_USERS.read_text()
                if old:
                    _PIPE_LIMIT.write_text(old)
                    _PIPE_USERS.write_text('')
