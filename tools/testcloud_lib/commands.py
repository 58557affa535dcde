# SPDX-License-Identifier: Apache-2.0

"""The command line: ``tools/testcloud COMMAND``."""

import argparse
import os
import pathlib
import shlex
import sys
import time
from collections.abc import Sequence

from testcloud_lib import bringup
from testcloud_lib import cloud as clouds
from testcloud_lib import ecrae_wiring
from testcloud_lib import services
from testcloud_lib.cloud import Cloud
from testcloud_lib.errors import CloudError
from testcloud_lib.processes import Processes


DESCRIPTION = 'A real OpenStack on this machine, for ECRAE.'
EPILOG = """\
examples:
  tools/testcloud up
  tools/testcloud exec -- openstack server list --all-projects
  tools/testcloud exec --as demo -- openstack stack list
  eval "$(tools/testcloud env --as demo)"
  tools/testcloud logs nova-scheduler
  tools/testcloud restart heat-engine
  tools/testcloud down
"""


def parser() -> argparse.ArgumentParser:
    """Arguments of every command."""
    top = argparse.ArgumentParser(
        prog='tools/testcloud',
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        '--state-dir',
        type=pathlib.Path,
        default=clouds.default_state(),
        help='folder of the cloud (default: $ECRAE_TESTCLOUD_STATE, else '
        '.testcloud in this clone)',
    )
    commands = top.add_subparsers(dest='command', required=True)

    def add(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(
            name, help=text, description=text, parents=[common]
        )

    _add_up(add('up', 'Bring the cloud up, or up to date.'))
    down = add('down', 'Stop the cloud and remove all but logs and cache.')
    down.add_argument(
        '--purge', action='store_true', help='remove logs and cache too'
    )
    add('status', 'Show every process; fails unless all run.')
    for name, text in (
        ('exec', 'Run a command with credentials and the environment.'),
        ('env', 'Print credentials and PATH for a shell to eval.'),
    ):
        command = add(name, text)
        command.add_argument(
            '--as', dest='user', choices=('admin', 'demo'), default='admin'
        )
        if name == 'exec':
            command.add_argument('argv', nargs='+', metavar='COMMAND')
    logs = add('logs', "Print a service's log.")
    logs.add_argument('service')
    logs.add_argument('-f', '--follow', action='store_true')
    for name in ('start', 'stop', 'restart'):
        command = add(name, f'{name.capitalize()} services of the cloud.')
        command.add_argument('service', nargs='+')
    return top


def _add_up(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        '--cache-dir',
        type=lambda text: pathlib.Path(text).absolute(),
        help='folder that clouds share, for warm starts (default: '
        '$ECRAE_TESTCLOUD_CACHE, else .testcloud/cache in this clone)',
    )
    command.add_argument(
        '--port-base',
        type=int,
        help='first of the block of twenty ports (default: '
        f'{clouds.DEFAULT_PORT_BASE})',
    )
    command.add_argument(
        '--computes',
        type=pathlib.Path,
        help='TOML file of compute hosts (default: '
        'tools/testcloud_lib/computes.toml)',
    )
    command.add_argument(
        '--with',
        dest='extras',
        action='append',
        choices=clouds.EXTRAS,
        help='gnocchi: measurements in Gnocchi and ecrae-collector, which '
        'reads them; a cloud that has it keeps it',
    )
    command.add_argument(
        '--without-ecrae',
        action='store_true',
        help='leave ECRAE out of Nova and Heat, to compare',
    )


def main(argv: Sequence[str]) -> int:
    """Run one command; returns its exit code."""
    args = parser().parse_args(argv)
    args.state_dir = args.state_dir.absolute()
    try:
        return int(COMMANDS[args.command](args) or 0)
    except CloudError as exc:
        print(f'testcloud: {exc}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def up(args: argparse.Namespace) -> None:
    """Bring the cloud up."""
    cloud = clouds.settle(
        args.state_dir,
        cache=args.cache_dir,
        port_base=args.port_base,
        with_ecrae=not args.without_ecrae,
        extras=tuple(args.extras) if args.extras else None,
        computes_file=args.computes,
    )
    bringup.BringUp(cloud).run()
    print(f'Keystone answers on {cloud.url("keystone", "/v3")}; try')
    print('  tools/testcloud exec -- openstack hypervisor list')


def down(args: argparse.Namespace) -> None:
    """Take the cloud down; it is no error if there is none."""
    if clouds.exists(args.state_dir):
        bringup.take_down(clouds.load(args.state_dir), purge=args.purge)


def status(args: argparse.Namespace) -> int:
    """Print every service."""
    cloud = clouds.load(args.state_dir)
    statuses = Processes(cloud).statuses()
    missing = 0
    for service in services.all_services(cloud):
        now = statuses.get(service.name)
        if now is None:
            state = 'not started'
        elif now.is_running:
            state = f'running {time.time() - now.started_at:6.0f} s'
        else:
            state = f'ended ({now.exit_code})'
        missing += not (now and now.is_running)
        print(f'{service.name:22} {state:18} {now.log if now else ""}')
    return 1 if missing else 0


def execute(args: argparse.Namespace) -> None:
    """Become the command."""
    cloud = clouds.load(args.state_dir)
    env = shell_env(cloud, args.user)
    try:
        os.execvpe(args.argv[0], args.argv, {**os.environ, **env})
    except OSError as exc:
        raise CloudError(f'{args.argv[0]}: {exc.strerror}') from exc


def env(args: argparse.Namespace) -> None:
    """Print what ``exec`` would set."""
    for key, value in shell_env(
        clouds.load(args.state_dir), args.user
    ).items():
        print(f'export {key}={shlex.quote(value)}')


def shell_env(cloud: Cloud, user: str) -> dict[str, str]:
    """Variables for a person's shell.

    The administrator's programs of ECRAE read the cloud's configuration.
    """
    places = [str(cloud.venv / 'bin'), os.environ['PATH']]
    if user == 'admin' and cloud.with_ecrae:
        places.insert(0, str(ecrae_wiring.programs(cloud)))
    return {
        **services.user_env(cloud, user),
        'PATH': os.pathsep.join(places),
        'VIRTUAL_ENV': str(cloud.venv),
        'ECRAE_TESTCLOUD_STATE': str(cloud.state),
        'ECRAE_CONF': str(cloud.etc / 'ecrae/ecrae.conf'),
    }


def logs(args: argparse.Namespace) -> None:
    """Print or follow a log."""
    cloud = clouds.load(args.state_dir)
    log = cloud.logs / f'{args.service}.log'
    if not log.is_file():
        names = ', '.join(sorted(each.stem for each in cloud.logs.iterdir()))
        raise CloudError(f'no log of {args.service}; there are: {names}')
    tail = ['tail', '-n', '+1', *(['-F'] if args.follow else []), str(log)]
    os.execvp('tail', tail)


def start(args: argparse.Namespace) -> None:
    """Start services, with what the working tree has now."""
    processes, chosen = _chosen(args)
    for service in chosen:
        processes.start(service)


def stop(args: argparse.Namespace) -> None:
    """Stop services."""
    processes, chosen = _chosen(args)
    running = processes.statuses()
    processes.stop(*(each.name for each in chosen if each.name in running))


def restart(args: argparse.Namespace) -> None:
    """Stop, then start."""
    stop(args)
    start(args)


def _chosen(
    args: argparse.Namespace,
) -> tuple[Processes, list[services.Service]]:
    cloud = clouds.load(args.state_dir)
    by_name = {each.name: each for each in services.all_services(cloud)}
    unknown = [name for name in args.service if name not in by_name]
    if unknown:
        raise CloudError(
            f'no service {", ".join(unknown)}; there are: '
            + ', '.join(by_name)
        )
    return Processes(cloud), [by_name[name] for name in args.service]


COMMANDS = {
    'up': up,
    'down': down,
    'status': status,
    'exec': execute,
    'env': env,
    'logs': logs,
    'start': start,
    'stop': stop,
    'restart': restart,
}
