# SPDX-License-Identifier: Apache-2.0

"""Python environments of a cloud.

OpenStack itself goes into an environment in the cache, which clouds share
and which is named after everything that went in. Each cloud has a thin one
on top with ECRAE from this working tree.
"""

import configparser
import contextlib
import fcntl
import hashlib
import os
import pathlib
import shutil
import sys
from collections.abc import Iterator
from collections.abc import Sequence

from testcloud_lib import gnocchi
from testcloud_lib import progress
from testcloud_lib.cloud import TOP
from testcloud_lib.cloud import Cloud
from testcloud_lib.errors import CloudError


INSIDE = pathlib.Path(__file__).with_name('inside')
CONSTRAINTS = TOP / 'constraints.txt'

PACKAGES = (
    'glance',
    'keystone',
    'neutron',
    'nova',
    'openstack-heat',
    'openstack-placement',
    'openstacksdk',
    'osc-placement',
    'pymysql',
    'python-heatclient',
    'python-openstackclient',
    # uWSGI as wheels, so that no compiler is needed.
    'pyuwsgi',
)

_PYTHON = f'python{sys.version_info.major}.{sys.version_info.minor}'


def make(cloud: Cloud, log: pathlib.Path) -> None:
    """Make what is missing or out of date of a cloud's environment."""
    cloud.cache.mkdir(parents=True, exist_ok=True)
    with _locked(cloud.cache / 'lock'):
        uv = _uv(cloud, log)
        base = cloud.cache / f'openstack-{base_key()}'
        packages = (*PACKAGES, *_requirements())
        _install(cloud, uv, base, CONSTRAINTS, packages, log)
        if cloud.has_gnocchi:
            _install(
                cloud,
                uv,
                gnocchi_venv(cloud),
                gnocchi.CONSTRAINTS,
                gnocchi.PACKAGES,
                log,
            )
    _overlay(cloud, uv, base, log)


def gnocchi_venv(cloud: Cloud) -> pathlib.Path:
    """Gnocchi's own environment, which clouds share."""
    constraints = gnocchi.CONSTRAINTS.read_text()
    content = f'{sys.version}{constraints}{gnocchi.PACKAGES}'
    digest = hashlib.sha256(content.encode()).hexdigest()
    return cloud.cache / f'gnocchi-{digest[:12]}'


def working_tree_digest() -> str:
    """Changes with any file that ECRAE runs from."""
    digest = hashlib.sha256()
    for path in sorted((TOP / 'ecrae').rglob('*')):
        if path.is_file() and path.suffix != '.pyc':
            digest.update(str(path.relative_to(TOP)).encode())
            digest.update(path.read_bytes())
    digest.update((TOP / 'setup.cfg').read_bytes())
    return digest.hexdigest()


def base_key() -> str:
    """Name of the shared environment: the same for the same content."""
    digest = hashlib.sha256()
    for part in (
        sys.version,
        CONSTRAINTS.read_text(),
        *PACKAGES,
        *_requirements(),
    ):
        digest.update(part.encode() + b'\0')
    return digest.hexdigest()[:12]


def _requirements() -> list[str]:
    """What ``ecrae[all]`` needs of other people's packages."""
    setup = configparser.ConfigParser()
    setup.read(TOP / 'setup.cfg')
    extras = setup['extras']
    named = extras['all'].partition('[')[2].partition(']')[0]
    lines = (TOP / 'requirements.txt').read_text().splitlines()
    for name in named.split(','):
        lines += extras[name.strip()].splitlines()
    own = ('#', 'ecrae[')
    return sorted(
        {line for line in lines if line and not line.startswith(own)}
    )


@contextlib.contextmanager
def _locked(path: pathlib.Path) -> Iterator[None]:
    """Let one cloud at a time fill the cache."""
    with path.open('w') as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _uv(cloud: Cloud, log: pathlib.Path) -> pathlib.Path:
    tools = cloud.cache / 'tools'
    uv = tools / 'bin' / 'uv'
    if not uv.exists():
        try:
            progress.run([sys.executable, '-m', 'venv', str(tools)], log)
        except CloudError:
            # Debian keeps ensurepip in a package of its own.
            shutil.rmtree(tools, ignore_errors=True)
            package = f'{_PYTHON}-venv'
            progress.run(progress.as_root(['apt-get', 'update', '-q']), log)
            progress.run(
                progress.as_root(['apt-get', 'install', '-qy', package]), log
            )
            progress.run([sys.executable, '-m', 'venv', str(tools)], log)
        progress.run([str(tools / 'bin/pip'), 'install', '-q', 'uv'], log)
    return uv


def _uv_env(cloud: Cloud, venv: pathlib.Path) -> dict[str, str]:
    kept = {
        key: value
        for key, value in os.environ.items()
        if key not in ('PYTHONPATH', 'PYTHONDONTWRITEBYTECODE', 'UV_OVERRIDE')
    }
    return {
        **kept,
        'UV_CACHE_DIR': os.environ.get(
            'UV_CACHE_DIR', str(cloud.cache / 'uv')
        ),
        'UV_COMPILE_BYTECODE': '1',
        'VIRTUAL_ENV': str(venv),
    }


def _install(
    cloud: Cloud,
    uv: pathlib.Path,
    venv: pathlib.Path,
    constraints: pathlib.Path,
    packages: Sequence[str],
    log: pathlib.Path,
) -> None:
    """Make an environment of the cache, once."""
    done = venv / 'complete'
    if done.exists():
        return
    env = _uv_env(cloud, venv)
    progress.run(
        [str(uv), 'venv', '-q', '--clear', '-p', sys.executable, str(venv)],
        log,
        env=env,
    )
    progress.run(
        [str(uv), 'pip', 'install', '-c', str(constraints), *packages],
        log,
        env=env,
    )
    done.touch()


def _overlay(
    cloud: Cloud, uv: pathlib.Path, base: pathlib.Path, log: pathlib.Path
) -> None:
    """Make the cloud's own environment: base, our plugins, ECRAE."""
    stamp = cloud.venv / 'made-of'
    wanted = '\n'.join([str(base), *(_digest(each) for each in _installed())])
    if stamp.exists() and stamp.read_text() == wanted:
        return
    env = _uv_env(cloud, cloud.venv)
    progress.run(
        [
            str(uv),
            'venv',
            '-q',
            '--clear',
            '-p',
            sys.executable,
            str(cloud.venv),
        ],
        log,
        env=env,
    )
    packages = cloud.venv / 'lib' / _PYTHON / 'site-packages'
    below = base / 'lib' / _PYTHON / 'site-packages'
    (packages / 'openstack-below.pth').write_text(
        f'import site; site.addsitedir({str(below)!r})\n'
    )
    progress.run(
        [
            str(uv),
            'pip',
            'install',
            '-q',
            '--no-deps',
            '-e',
            str(INSIDE),
            '-e',
            str(TOP),
        ],
        log,
        env=env,
    )
    _adopt_programs(base, cloud.venv)
    stamp.write_text(wanted)


def _installed() -> tuple[pathlib.Path, ...]:
    """Files whose change needs a new installation, not just a restart."""
    return (
        TOP / 'setup.cfg',
        TOP / 'pyproject.toml',
        INSIDE / 'pyproject.toml',
    )


def _digest(path: pathlib.Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _adopt_programs(base: pathlib.Path, overlay: pathlib.Path) -> None:
    """Copy the programs of the base so that they run in the overlay."""
    theirs = str(base / 'bin' / 'python')
    ours = str(overlay / 'bin' / 'python')
    for program in (base / 'bin').iterdir():
        target = overlay / 'bin' / program.name
        if target.exists() or not program.is_file():
            continue
        content = program.read_bytes()
        if theirs.encode() not in content[:500]:
            continue
        target.write_bytes(content.replace(theirs.encode(), ours.encode(), 1))
        target.chmod(0o755)
