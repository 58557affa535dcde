# SPDX-License-Identifier: Apache-2.0

"""One test cloud: where it lies, its ports, its secrets, its hosts."""

import dataclasses
import hashlib
import hmac
import json
import os
import pathlib
import secrets

from testcloud_lib import computes
from testcloud_lib.computes import Compute
from testcloud_lib.errors import CloudError


TOP = pathlib.Path(__file__).resolve().parents[2]
DEFAULT_STATE = TOP / '.testcloud'
DEFAULT_PORT_BASE = 21000

#: Offsets from the port base, in order; a cloud keeps these ports to itself.
PORTS = (
    'mariadb',
    'amqp',
    'amqp_dist',
    'epmd',
    'keystone',
    'placement',
    'glance',
    'nova',
    'neutron',
    'heat',
    'gnocchi',
)

REGION = 'RegionOne'

#: What a cloud has only where it was asked for.
EXTRAS = ('gnocchi',)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cloud:
    """Settings of one cloud; everything else follows from them."""

    state: pathlib.Path
    cache: pathlib.Path
    port_base: int
    computes: tuple[Compute, ...]
    with_ecrae: bool = True
    extras: tuple[str, ...] = ()
    secret: str = dataclasses.field(default='', repr=False)

    def port(self, name: str) -> int:
        """Port of a service on 127.0.0.1."""
        return self.port_base + PORTS.index(name)

    def url(self, name: str, path: str = '') -> str:
        """Base URL of an HTTP service."""
        return f'http://127.0.0.1:{self.port(name)}{path}'

    def password(self, name: str) -> str:
        """Password of a user; the same each time for the same cloud."""
        digest = hmac.new(self.secret.encode(), name.encode(), hashlib.sha256)
        return digest.hexdigest()[:24]

    @property
    def etc(self) -> pathlib.Path:
        """Configuration files, one folder a service."""
        return self.state / 'etc'

    @property
    def data(self) -> pathlib.Path:
        """What services keep: databases, keys, images, fake guests."""
        return self.state / 'data'

    @property
    def logs(self) -> pathlib.Path:
        """One log a service; kept when the cloud goes."""
        return self.state / 'logs'

    @property
    def run(self) -> pathlib.Path:
        """The supervisor's socket and process records."""
        return self.state / 'run'

    @property
    def venv(self) -> pathlib.Path:
        """The environment that services and commands run in."""
        return self.state / 'venv'

    @property
    def has_gnocchi(self) -> bool:
        """Whether there is a Gnocchi."""
        return 'gnocchi' in self.extras

    def program(self, name: str) -> str:
        """Path of a program in the cloud's environment."""
        return str(self.venv / 'bin' / name)

    def save(self) -> None:
        """Write the settings where later commands find them."""
        self.state.mkdir(parents=True, exist_ok=True)
        document = {
            'port_base': self.port_base,
            'cache': str(self.cache),
            'with_ecrae': self.with_ecrae,
            'extras': list(self.extras),
            'secret': self.secret,
            'computes': [dataclasses.asdict(each) for each in self.computes],
        }
        path = self.state / 'cloud.json'
        path.touch(mode=0o600)
        path.write_text(json.dumps(document, indent=2) + '\n')


def default_state() -> pathlib.Path:
    """State folder where nothing else is said."""
    return pathlib.Path(
        os.environ.get('ECRAE_TESTCLOUD_STATE', DEFAULT_STATE)
    ).absolute()


def default_cache() -> pathlib.Path:
    """Cache folder where nothing else is said; clouds may share it."""
    return pathlib.Path(
        os.environ.get('ECRAE_TESTCLOUD_CACHE', DEFAULT_STATE / 'cache')
    ).absolute()


def exists(state: pathlib.Path) -> bool:
    """Whether there is a cloud in the folder, running or not."""
    return (state / 'cloud.json').is_file()


def load(state: pathlib.Path) -> Cloud:
    """Settings of the cloud in the folder.

    :raises CloudError: there is none.
    """
    if not exists(state):
        raise CloudError(
            f'there is no test cloud in {state}; "tools/testcloud up" '
            'makes one, --state-dir names another folder'
        )
    document = json.loads((state / 'cloud.json').read_text())
    return Cloud(
        state=state,
        cache=pathlib.Path(document['cache']),
        port_base=document['port_base'],
        with_ecrae=document['with_ecrae'],
        extras=tuple(document['extras']),
        secret=document['secret'],
        computes=tuple(Compute(**each) for each in document['computes']),
    )


def settle(
    state: pathlib.Path,
    *,
    cache: pathlib.Path | None = None,
    port_base: int | None = None,
    with_ecrae: bool | None = None,
    extras: tuple[str, ...] | None = None,
    computes_file: pathlib.Path | None = None,
) -> Cloud:
    """Settings for ``up``: those of the cloud that is there, else new ones.

    What is given overrides. The ports of a cloud that is there cannot
    change: its database holds URLs with them.

    :raises CloudError: another port base than the cloud's, or a bad file.
    """
    if exists(state):
        base = load(state)
        if port_base not in (None, base.port_base):
            raise CloudError(
                f'the cloud in {state} has port base {base.port_base}; '
                'take it down first to move it'
            )
    else:
        base = Cloud(
            state=state,
            cache=default_cache(),
            port_base=port_base or DEFAULT_PORT_BASE,
            computes=computes.read(computes.DEFAULT_FILE),
            secret=secrets.token_hex(16),
        )
    changes: dict[str, object] = {}
    if cache is not None:
        changes['cache'] = cache
    if with_ecrae is not None:
        changes['with_ecrae'] = with_ecrae
    if extras is not None:
        changes['extras'] = extras
    if computes_file is not None:
        changes['computes'] = computes.read(computes_file)
    return dataclasses.replace(base, **changes)
