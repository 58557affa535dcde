# SPDX-License-Identifier: Apache-2.0

"""``ecrae migrate``: move one workload now."""

import argparse
import time
import uuid
from typing import Any

from ecrae import command
from ecrae import exception
from ecrae.clients import migrations
from ecrae.migration import job as jobs
from ecrae.migration.cli import control
from ecrae.migration.drivers import base
from ecrae.migration.drivers import nova_live


_POLL_S = 0.5
_OVER = ('released', 'returned')
_MIB = 1 << 20
#: How a server can be moved → seconds after which Nova is asked to force
#: completion, which is post-copy where Nova may.
_SERVER_MODES = {
    jobs.Mode.AUTO: 300.0,
    jobs.Mode.LIVE: None,
    jobs.Mode.POST_COPY: 0.0,
}
_SERVER_TIMEOUT_S = 3600.0


class Migrate(command.ShowOne):
    """Move a workload to another host.

    The destination is asked first; whatever it lacks is said before the
    workload is touched. Interrupting the command does not stop the
    migration: ``ecrae migration cancel`` does.
    """

    auth_required = True

    examples = """
    ecrae migrate criu:web compute-2
    ecrae migrate criu:web compute-2 --mode stop-and-copy --dry-run
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """What, whereto and how."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument(
            'workload',
            type=_checked(jobs.check_workload),
            help='DRIVER:NAME, as "ecrae agent show" lists it.',
        )
        parser.add_argument(
            'destination',
            type=_checked(jobs.check_host),
            help='Name of the host that is to run it.',
        )
        parser.add_argument(
            '--mode',
            choices=[str(mode) for mode in jobs.Mode],
            default=str(jobs.Mode.AUTO),
            help='How; "auto" takes the best that both hosts support.',
        )
        parser.add_argument(
            '--source',
            metavar='HOST',
            help='Host it is on; by default the one that reports it.',
        )
        parser.add_argument(
            '--dry-run',
            action='store_true',
            help='Only say how it would be done, or what is in the way.',
        )
        return parser

    def take_action(self, parsed_args: Any) -> tuple[Any, Any]:
        """Plan or do it."""
        if parsed_args.workload.startswith('nova:'):
            return self._move_server(parsed_args)
        source = parsed_args.source or control.find_host(
            self.conf, parsed_args.workload
        )
        api = control.get_api(self.conf)
        wanted = (
            source,
            parsed_args.workload,
            parsed_args.destination,
            parsed_args.mode,
        )
        if parsed_args.dry_run:
            return _planned(api.plan_migration(*wanted))
        job = api.migrate(*wanted)
        found = self._watch(api, source, job['id'])
        if found['phase'] != 'released':
            raise exception.TransferFailed(
                f'{found["workload"]} stays on {source}: '
                f'{found["reason_returned"]}'
            )
        names = ('id', 'workload', 'source', 'destination', 'mode', 'reason')
        took_s = found['changed'] - found['began']
        return (
            (*names, 'seconds'),
            (*(found[name] for name in names), round(took_s, 2)),
        )

    def _move_server(self, parsed_args: Any) -> tuple[Any, Any]:
        """Let Nova do it; there may be no agents."""
        mode = jobs.Mode(parsed_args.mode)
        if mode not in _SERVER_MODES:
            raise exception.PreCheckFailed(
                f'Nova moves servers by {", ".join(_SERVER_MODES)}, not by '
                f'{mode}.'
            )
        connection = self.connect()
        name = parsed_args.workload.partition(':')[2]
        job = jobs.Job(
            id=str(uuid.uuid4()),
            workload=parsed_args.workload,
            source=migrations.get_place(connection, name).host,
            destination=parsed_args.destination,
            mode=jobs.Mode.LIVE if mode is jobs.Mode.AUTO else mode,
            reason='Nova moves it',
        )
        source = nova_live.NovaSource(
            connection, force_after_s=_SERVER_MODES[mode]
        )
        if parsed_args.dry_run:
            source.check(job)
            return _planned(job.to_dict())
        begun = time.monotonic()
        nova_live.migrate(
            source, job, timeout_s=_SERVER_TIMEOUT_S, report=self._tell
        )
        took_s = round(time.monotonic() - begun, 2)
        return (
            ('workload', 'source', 'destination', 'mode', 'seconds'),
            (job.workload, job.source, job.destination, job.mode, took_s),
        )

    def _tell(self, progress: base.Progress) -> None:
        self.app.stderr.write(
            f'{progress.phase}: {progress.bytes_done / _MIB:.0f} of '
            f'{progress.bytes_total / _MIB:.0f} MiB\n'
        )

    def _watch(self, api: Any, source: str, migration_id: str) -> Any:
        """Tell on standard error how far it is, until it is over."""
        told = ''
        while True:
            found = api.get_migration(source, migration_id)
            if found['phase'] in _OVER:
                return found
            line = _progress(found)
            if line != told:
                self.app.stderr.write(f'{line}\n')
                told = line
            time.sleep(_POLL_S)


def _checked(check: Any) -> Any:
    def convert(text: str) -> str:
        try:
            return str(check(text))
        except exception.UsageError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return convert


def _planned(job: dict[str, Any]) -> tuple[Any, Any]:
    names = ('workload', 'source', 'destination', 'mode', 'reason')
    needs = job['needs']
    memory_mib = round(needs.get('memory_kib', 0) / 1024)
    return (
        (*names, 'memory_mib', 'processes'),
        (
            *(job[name] for name in names),
            memory_mib,
            len(needs.get('tree', ())),
        ),
    )


def _progress(found: dict[str, Any]) -> str:
    progress = found.get('progress') or {}
    line = f'{found["phase"]}: {progress.get("phase", "")}'
    if progress.get('bytes_done'):
        line += (
            f', {progress["bytes_done"] / _MIB:.0f} of '
            f'{progress["bytes_total"] / _MIB:.0f} MiB, '
            f'{progress["rate_bytes_s"] / _MIB:.0f} MiB/s'
        )
        if progress['left_s'] is not None:
            line += f', {progress["left_s"]:.0f} s left'
    return line
