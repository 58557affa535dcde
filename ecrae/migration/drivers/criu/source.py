# SPDX-License-Identifier: Apache-2.0

"""The half of the criu driver that gives a process tree away."""

import json
import time
from typing import Any

from ecrae import exception
from ecrae.migration import channel
from ecrae.migration import job as jobs
from ecrae.migration.drivers import base
from ecrae.migration.drivers.criu import capabilities
from ecrae.migration.drivers.criu import host as hosts
from ecrae.migration.drivers.criu import images
from ecrae.migration.drivers.criu import rounds
from ecrae.privsep import connections
from ecrae.privsep import criu
from ecrae.privsep import cure
from ecrae.privsep import imprint
from ecrae.privsep import network
from ecrae.privsep import processes


_LAZY = (jobs.Mode.POST_COPY, jobs.Mode.HYBRID)
#: The workload runs meanwhile, so this only ends what hangs.
_ROUND_TIMEOUT_S = 3600.0
_ROUNDS = (jobs.Mode.PRE_COPY, jobs.Mode.HYBRID)


class CriuSource(base.Source):
    """Freezes a tree by SIGSTOP and lets criu send it."""

    def __init__(
        self, host: hosts.Host, limits: rounds.Limits = rounds.DEFAULT
    ) -> None:
        self._host = host
        self._limits = limits
        self._senders: dict[str, channel.Sender] = {}
        #: Rounds of pre-copy done, by migration.
        self._done: dict[str, int] = {}
        #: The criu that sends, by migration.
        self._dumps: dict[str, int] = {}

    def check(self, job: jobs.Job) -> dict[str, Any]:
        """Pids, files, memory and CPU that the tree needs over there."""
        workload = self._host.read_workload(job.name)
        try:
            facts = processes.describe(workload['pid'])
        except exception.NotFound:
            raise exception.PreCheckFailed(
                f'{job.workload} does not run on {self._host.name}: there is '
                f'no process {workload["pid"]}.'
            ) from None
        own = facts['namespaces']
        if 'mnt' in own:
            raise exception.PreCheckFailed(
                f'{job.workload} has mounts of its own, which the driver criu '
                f'does not move.'
            )
        if 'pid' in own and facts['shell_job']:
            raise exception.PreCheckFailed(
                f'{job.workload} has pids of its own, but its session has '
                f'begun outside.'
            )
        why = 'a tree with pids of its own cannot be fetched lazily'
        cpu = capabilities.cpu()
        return {
            **facts,
            'obstacles': dict.fromkeys(map(str, _LAZY), why)
            if 'pid' in own
            else {},
            'addresses': workload['addresses'],
            'architecture': cpu['architecture'],
            'cpu_flags': cpu['flags'],
            'certificate': self._host.identity.certificate(),
        }

    def prepare(
        self, job: jobs.Job, ticket: base.Facts, report: base.Report
    ) -> None:
        """Connect, and send memory while the workload still runs."""
        self._senders[job.id] = channel.Sender(
            self._host.identity,
            job.destination,
            ticket['address'],
            ticket['image_port'],
        )
        self._done[job.id] = 0
        if job.mode in _ROUNDS:
            self._pre_copy(job, ticket, report)

    def transfer(
        self,
        job: jobs.Job,
        ticket: base.Facts,
        timeout_s: float,
        report: base.Report,
    ) -> dict[str, Any]:
        """Stop the tree, dump it to the other end, send the small images."""
        deadline = time.monotonic() + timeout_s
        folder = str(self._host.folder(job))
        number = self._done[job.id] + 1 if job.mode in _ROUNDS else 0
        hosts.make_images(self._host, job, number)
        options = self._dump_options(job, ticket, number)
        root = job.needs['tree'][0]
        self._freeze(job)
        report(base.Progress(phase='transfer'))
        pid = criu.start('dump', folder, options)
        self._dumps[job.id] = pid
        sent: dict[str, Any] = {'round': number}
        if job.mode in _LAZY:
            hosts.wait_ready(pid, self._host.folder(job), 'dump')
            sent['pages'] = [options['address'], options['port']]
        else:
            hosts.wait_end(pid, self._host.folder(job), 'dump', timeout_s)
        for item in job.needs['addresses']:
            network.drop_address(item['address'], item['device'])
        self._send_images(job, number, deadline - time.monotonic())
        if not processes.is_alive(root['pid'], root['start']):
            raise exception.TransferFailed('The frozen workload is gone.')
        return sent

    def commit(self, job: jobs.Job) -> None:
        """Kill the frozen tree; what it left at this host goes too."""
        root = job.needs['tree'][0]
        criu.end_helpers(str(self._host.folder(job)))
        processes.end(root['pid'], root['start'])
        imprint.forget(str(self._host.folder(job)))
        network.unlock(root['pid'])
        self._host.drop_workload(job.name)
        self._forget(job)

    def revert(self, job: jobs.Job) -> None:
        """End criu, give the addresses back, let the tree go on."""
        root = job.needs['tree'][0]
        is_frozen = (self._host.folder(job) / 'frozen').exists()
        if not is_frozen:
            # criu pre-dumps running processes only, which nobody could put
            # right: it holds them for a moment, and must let them go first.
            pids = [member['pid'] for member in job.needs['tree']]
            processes.wait_released(pids)
        criu.end_helpers(str(self._host.folder(job)))
        network.unlock(root['pid'])
        if is_frozen:
            for item in job.needs['addresses']:
                network.add_address(item['address'], item['device'])
            self._thaw(job)
        self._forget(job)

    def has_copy(self, job: jobs.Job) -> bool:
        """Whether the tree's root is there, and is the same one."""
        root = job.needs['tree'][0]
        return bool(processes.is_alive(root['pid'], root['start']))

    def bytes_sent(self, job: jobs.Job) -> int:
        """What the destination has acknowledged to the dump under way."""
        pid = self._dumps.get(job.id)
        return connections.bytes_sent(pid) if pid else 0

    def _freeze(self, job: jobs.Job) -> None:
        root = job.needs['tree'][0]
        if not processes.is_alive(root['pid'], root['start']):
            raise exception.TransferFailed(
                f'{job.workload} has ended: process {root["pid"]} is gone.'
            )
        keep = processes.stopped(root['pid'])
        (self._host.folder(job) / 'frozen').write_text(json.dumps(keep))
        processes.freeze(root['pid'])
        cure.prepare(root['pid'], str(self._host.folder(job)))

    def _dump_options(
        self, job: jobs.Job, ticket: base.Facts, number: int
    ) -> dict[str, Any]:
        options: dict[str, Any] = {
            'pid': job.needs['tree'][0]['pid'],
            'images': hosts.images_name(number),
            'tls': self._host.identity.paths(),
            'shell_job': bool(job.needs['shell_job']),
        }
        if number:
            options['track'] = True
        if number > 1:
            options['previous'] = number - 1
        if job.mode in _LAZY:
            address = self._host.address
            return {
                **options,
                'tls': self._host.identity.paths_for(
                    ticket['certificate'],
                    job.destination,
                    self._host.folder(job) / 'peer.pem',
                ),
                'lazy': True,
                'address': address,
                'port': channel.free_port(address, self._host.ports),
            }
        port = ticket['page_ports'][max(number - 1, 0)]
        return {**options, 'address': ticket['address'], 'port': port}

    def _pre_copy(
        self, job: jobs.Job, ticket: base.Facts, report: base.Report
    ) -> None:
        written: list[int] = []
        verdict = rounds.Verdict.AGAIN
        folder = self._host.folder(job)
        while verdict is rounds.Verdict.AGAIN:
            number = len(written) + 1
            name = hosts.images_name(number)
            hosts.make_images(self._host, job, number)
            options = {
                'pid': job.needs['tree'][0]['pid'],
                'images': name,
                'tls': self._host.identity.paths(),
                'track': True,
                'shell_job': bool(job.needs['shell_job']),
                'address': ticket['address'],
                'port': ticket['page_ports'][number - 1],
            }
            if number > 1:
                options['previous'] = number - 1
            report(base.Progress(phase=f'pre-copy round {number}'))
            pid = criu.start('pre-dump', str(folder), options)
            hosts.wait_end(pid, folder, 'pre-dump', _ROUND_TIMEOUT_S)
            pages = rounds.pages_written(
                criu.dump_statistics(str(folder), name)
            )
            written.append(pages)
            verdict = rounds.judge(written, self._limits)
            self._done[job.id] = number
        report(
            base.Progress(phase=f'pre-copy ended: {verdict}, {written} pages')
        )

    def _thaw(self, job: jobs.Job) -> None:
        """Put the frozen tree right and let it go on; again does nothing.

        :raises RestoreFailed: when it is gone.
        """
        root = job.needs['tree'][0]
        frozen = self._host.folder(job) / 'frozen'
        cure.restore(str(self._host.folder(job)))
        if not frozen.exists():
            return
        keep = json.loads(frozen.read_text() or '[]')
        if not processes.thaw(root['pid'], root['start'], keep):
            raise exception.RestoreFailed(
                f'{job.workload} is not here any more: process '
                f'{root["pid"]} is gone.'
            )
        frozen.unlink()

    def _send_images(
        self, job: jobs.Job, number: int, timeout_s: float
    ) -> None:
        folder = str(self._host.folder(job))
        name = hosts.images_name(number)
        # A user other than root could not read what criu wrote.
        names = criu.give_images(folder, name, hosts.user())
        images.restore_handlers(
            self._host.folder(job) / name, cure.actions(folder)
        )
        self._senders[job.id].send(
            [self._host.folder(job) / name / each for each in names],
            max(timeout_s, 1.0),
        )

    def _forget(self, job: jobs.Job) -> None:
        self._done.pop(job.id, None)
        self._dumps.pop(job.id, None)
        sender = self._senders.pop(job.id, None)
        if sender is not None:
            sender.close()
        criu.drop_images(str(self._host.folder(job)))
