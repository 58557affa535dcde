# SPDX-License-Identifier: Apache-2.0

"""Incus or LXD daemons in nodes, and a tiny container for them to move.

The container is BusyBox with an init that counts in memory and writes the
count to a file: after a live move it goes on counting, after a stopped one
it starts again.
"""

import dataclasses
import io
import json
import lzma
import pathlib
import shutil
import subprocess
import tarfile
import time
from collections.abc import Iterable
from collections.abc import Mapping

from testnodes import nodes
from testnodes import roots


NAME = 'counter'
IMAGE = 'tiny'
_INIT = b"""#!/bin/busybox sh
trap 'exit 0' PWR TERM
n=0
while :; do
    n=$((n + 1))
    echo $n > /count
    /bin/busybox usleep 20000
done
"""
_METADATA = b"""architecture: x86_64
creation_date: 1700000000
properties: {os: busybox, description: counts}
"""
_PRESEED = """
config: {{core.https_address: "{address}:8443"}}
storage_pools: [{{name: default, driver: dir}}]
profiles:
- name: default
  devices: {{root: {{path: /, pool: default, type: disk}}}}
  config:
    security.privileged: "true"
    raw.lxc: |-
      lxc.console.path=none
      lxc.apparmor.profile=
"""
_JOIN = """
cluster:
  enabled: true
  server_address: {address}:8443
  cluster_token: {token}
  member_config:
  - {{entity: storage-pool, name: default, key: source, value: ""}}
"""


def _add(archive: tarfile.TarFile, name: str, data: bytes, mode: int) -> None:
    item = tarfile.TarInfo(name)
    item.size = len(data)
    item.mode = mode
    archive.addfile(item, io.BytesIO(data))


def make_image(
    path: pathlib.Path,
    tree: pathlib.Path,
    init: bytes = _INIT,
    with_files: Iterable[str] = (),
    extra: Mapping[str, bytes] | None = None,
) -> None:
    """A unified image: metadata.yaml and rootfs/.

    :param init: its first process, a script.
    :param with_files: files and folders of the tree to have, too.
    :param extra: path → content of more files.
    """
    with (
        lzma.open(path, 'wb', preset=0) as packed,
        tarfile.open(fileobj=packed, mode='w') as archive,
    ):
        _add(archive, 'metadata.yaml', _METADATA, 0o644)
        for folder in ('bin', 'sbin', 'dev', 'proc', 'sys', 'tmp', 'etc'):
            item = tarfile.TarInfo(f'rootfs/{folder}')
            item.type, item.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(item)
        busybox = (tree / 'usr/bin/busybox').read_bytes()
        _add(archive, 'rootfs/bin/busybox', busybox, 0o755)
        _add(archive, 'rootfs/sbin/init', init, 0o755)
        for name in with_files:
            archive.add(tree / name, f'rootfs/{name}')
        for name, data in (extra or {}).items():
            _add(archive, f'rootfs/{name}', data, 0o644)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Kind:
    """How a daemon is called, and where it keeps what it has.

    :param initialize: reads a preseed.
    :param trust: makes a token for a client whose name follows.
    """

    name: str
    packages: tuple[str, ...]
    daemon: str
    client: str
    initialize: str
    snapshot: tuple[str, ...]
    trust: tuple[str, ...]

    @property
    def folder(self) -> str:
        """Where the daemon keeps its state and its socket."""
        return f'/var/lib/{self.name}'


INCUS = Kind(
    name='incus',
    packages=roots.INCUS,
    daemon='/usr/libexec/incus/incusd',
    client='incus',
    initialize='incus admin init --preseed',
    snapshot=('snapshot', 'create'),
    trust=('config', 'trust', 'add'),
)
LXD = Kind(
    name='lxd',
    packages=roots.LXD,
    daemon='/usr/bin/lxd',
    client='lxc',
    initialize='lxd init --preseed',
    snapshot=('snapshot',),
    trust=('config', 'trust', 'add', '--name'),
)


class Daemon:
    """The daemon of one node."""

    def __init__(self, node: nodes.Node, kind: Kind = INCUS) -> None:
        self.node = node
        self.kind = kind
        #: As agents name the container.
        self.workload = f'{kind.name}:{NAME}'
        self._process: subprocess.Popen[bytes] | None = None
        self._target: tuple[str, ...] = ()

    def start(self, image: pathlib.Path) -> None:
        """Start it, set it up, give it the image."""
        self._run()
        self._initialize(_PRESEED.format(address=self.node.address))
        shutil.copy(image, self.node.private / 'var' / 'image.tar.xz')
        self.import_image()

    def import_image(self) -> None:
        """Give it the image that :meth:`launch` makes containers of."""
        self.command('image', 'import', '/srv/image.tar.xz', '--alias', IMAGE)

    def restart(self) -> None:
        """Start it again in a node that was booted anew."""
        self._run()

    def start_cluster(self, *others: 'Daemon') -> None:
        """Let this daemon, which was started, and others be a cluster."""
        name = self.node.name
        self.command('cluster', 'enable', name)
        self._target = ('--target', name)
        for other in others:
            answer = self.command('cluster', 'add', other.node.name)
            token = answer.stdout.split()[-1]
            other._run()
            other._initialize(
                _JOIN.format(address=other.node.address, token=token)
            )
            other._target = ('--target', other.node.name)

    def _run(self) -> None:
        kind = self.kind
        if self.node.run('test', '-x', kind.daemon, check=False).returncode:
            raise roots.LacksError(f'the tree has no {kind.daemon}')
        self.node.run('mkdir', '-p', f'/srv/{kind.name}', kind.folder)
        self.node.run('mount', '--bind', f'/srv/{kind.name}', kind.folder)
        self._process = self.node.popen(
            kind.daemon, '--group', 'root', log=f'{kind.name}.out'
        )
        nodes.wait_for(
            lambda: self.command('info', check=False).returncode == 0,
            f'{kind.daemon} of {self.node.name}',
            90.0,
        )

    def _initialize(self, preseed: str) -> None:
        (self.node.private / 'var' / 'preseed.yaml').write_text(preseed)
        command = f'{self.kind.initialize} < /srv/preseed.yaml'
        self.node.run('sh', '-c', command)

    def trust(self, other: 'Daemon') -> None:
        """Make the other daemon a remote that ``move`` can name."""
        answer = other.command(*self.kind.trust, self.node.name)
        self.command(
            'remote',
            'add',
            other.node.name,
            f'https://{other.node.address}:8443',
            '--accept-certificate',
            '--token',
            answer.stdout.split()[-1],
        )

    def command(
        self, *words: str, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run the daemon's client."""
        return self.node.run(self.kind.client, *words, check=check)

    def launch(self, name: str = NAME, *options: str) -> None:
        """Make the container and start it."""
        self.command('launch', IMAGE, name, *self._target, *options)
        nodes.wait_for(lambda: self.count(name) > 0, f'{name} to count', 30.0)

    def delete(self, name: str = NAME) -> None:
        """Delete the container, if there is one, whatever it does."""

        def is_gone() -> bool:
            # A container that is starting or ending refuses for a moment.
            if self.state(name):
                self.command('delete', '--force', name, check=False)
            return not self.state(name)

        nodes.wait_for(is_gone, f'{name} to be gone', 60.0)

    def state(self, name: str = NAME) -> str:
        """``Running``, ``Stopped`` or, unless it is here, empty."""
        done = self.command('list', '-f', 'json', check=False)
        for item in json.loads(done.stdout or '[]'):
            is_here = item['location'] in ('', 'none', self.node.name)
            if item['name'] == name and is_here:
                return str(item['status'])
        return ''

    def rootfs(self, name: str) -> pathlib.Path:
        """The container's disk, seen from this machine."""
        return self._pool / 'containers' / name / 'rootfs'

    def volume(self, name: str) -> pathlib.Path:
        """A custom volume, seen from this machine."""
        return self._pool / 'custom' / f'default_{name}'

    @property
    def _pool(self) -> pathlib.Path:
        kept = self.node.private / 'var' / self.kind.name
        return kept / 'storage-pools' / 'default'

    def count(self, name: str = NAME) -> int:
        """What the container has counted to."""
        path = self.rootfs(name) / 'count'
        for _ in range(20):
            text = path.read_text().strip() if path.exists() else ''
            if text:
                return int(text)
            time.sleep(0.01)
        return 0
