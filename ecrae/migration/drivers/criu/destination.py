# SPDX-License-Identifier: Apache-2.0

"""The half of the criu driver that takes a process tree in."""

import shutil
from typing import Any

from ecrae import exception
from ecrae.migration import channel
from ecrae.migration import job as jobs
from ecrae.migration.drivers import base
from ecrae.migration.drivers.criu import capabilities
from ecrae.migration.drivers.criu import host as hosts
from ecrae.migration.drivers.criu import rounds
from ecrae.privsep import criu
from ecrae.privsep import files
from ecrae.privsep import keeper
from ecrae.privsep import network
from ecrae.privsep import processes


_LAZY = (jobs.Mode.POST_COPY, jobs.Mode.HYBRID)
_ROUNDS = (jobs.Mode.PRE_COPY, jobs.Mode.HYBRID)
#: Images of a tree with many files, beside its memory.
_MARGIN_KIB = 64 << 10


class CriuDestination(base.Destination):
    """Restores a stopped tree, which SIGCONT runs."""

    def __init__(
        self, host: hosts.Host, limits: rounds.Limits = rounds.DEFAULT
    ) -> None:
        self._host = host
        self._limits = limits
        self._receivers: dict[str, channel.Receiver] = {}
        self._servers: dict[str, list[int]] = {}

    def check(self, job: jobs.Job) -> None:
        """Name, pids, CPU, files and disk, all at once."""
        missing = [
            *self._clashes(job),
            *self._lacking_cpu(job),
            *self._lacking_files(job),
            *self._lacking_disk(job),
        ]
        if missing:
            raise exception.PreCheckFailed(
                f'{self._host.name} cannot take {job.workload}: '
                f'{"; ".join(missing)}.'
            )

    def prepare(self, job: jobs.Job) -> dict[str, Any]:
        """Listen for images and, unless they come lazily, for pages."""
        hosts.make_images(self._host, job)
        folder = self._host.folder(job)
        (folder / 'since').write_text(str(processes.now_ticks()))
        incoming = self._host.images(job)
        if job.mode in _ROUNDS:
            incoming = folder / 'images' / 'small'
            incoming.mkdir(mode=0o700)
        receiver = channel.Receiver(
            self._host.identity,
            peer=job.source,
            address=self._host.address,
            ports=self._host.ports,
            folder=incoming,
        )
        self._receivers[job.id] = receiver
        ports = [
            self._serve_pages(job, number) for number in self._numbers(job)
        ]
        return {
            'address': self._host.address,
            'image_port': receiver.port,
            'page_ports': ports,
            'certificate': self._host.identity.certificate(),
        }

    def transfer(
        self, job: jobs.Job, sent: base.Facts, timeout_s: float
    ) -> None:
        """Restore the tree, stopped as it was when it was dumped."""
        self._receivers[job.id].wait(timeout_s)
        folder = self._host.folder(job)
        number = int(sent['round'])
        self._wait_for_pages(job, number, timeout_s)
        if number:
            for image in (folder / 'images' / 'small').iterdir():
                image.rename(self._host.images(job, number) / image.name)
        for item in job.needs['addresses']:
            network.add_address(item['address'], item['device'])
        options: dict[str, Any] = {
            'images': hosts.images_name(number),
            'shell_job': bool(job.needs['shell_job']),
            'has_own_pids': hosts.has_own_pids(job),
        }
        if job.mode in _LAZY:
            self._start_lazy_pages(job, sent, options['images'])
            options['lazy'] = True
        pid = criu.start('restore', str(folder), options)
        hosts.wait_end(
            pid,
            folder,
            'restore',
            timeout_s,
            # The keeper has killed what is being restored then, for which
            # criu may wait for ever.
            obstacle=lambda: self._missing_pages(job),
        )
        root = int(job.needs['tree'][0]['pid'])
        if hosts.has_own_pids(job):
            root = criu.restored_root(str(folder))
        started = processes.start_of(root)
        (folder / 'restored').write_text(f'{root} {started}')

    def commit(self, job: jobs.Job) -> None:
        """Let the tree run; from now on it is this host's workload."""
        root, started = self._restored(job)
        if started is None or not processes.thaw(root, started, []):
            raise exception.RestoreFailed('The restored workload is gone.')
        self._host.write_workload(
            job.name,
            {'pid': root, 'addresses': job.needs['addresses']},
        )

    def revert(self, job: jobs.Job) -> None:
        """End criu and the tree, however far it came."""
        folder = self._host.folder(job)
        criu.end_helpers(str(folder))
        since = folder / 'since'
        if since.exists():
            processes.end_restored(
                list(job.needs['tree']),
                int(since.read_text()),
                has_own_pids=hosts.has_own_pids(job),
            )
            self._host.drop_workload(job.name)
            for item in job.needs['addresses']:
                network.drop_address(item['address'], item['device'])
            network.unlock(job.needs['tree'][0]['pid'])
        self._close(job)

    def is_complete(self, job: jobs.Job) -> bool:
        """Whether every page is here."""
        if job.mode not in _LAZY:
            return True
        missing = self._missing_pages(job)
        if missing:
            raise exception.TransferFailed(missing)
        status = criu.pages_status(str(self._host.folder(job)))
        return bool(status == keeper.COMPLETE)

    def has_copy(self, job: jobs.Job) -> bool:
        """Whether the tree's root, as it was restored, is there."""
        root, started = self._restored(job)
        return started is not None and bool(processes.is_alive(root, started))

    def finish(self, job: jobs.Job) -> None:
        """Drop images and doors, and servers of rounds that never came."""
        criu.end_helpers(str(self._host.folder(job)))
        self._close(job)

    def _missing_pages(self, job: jobs.Job) -> str:
        """Why pages will not come any more; empty while they may."""
        status = criu.pages_status(str(self._host.folder(job)))
        return 'The pages stopped coming.' if status == keeper.FAILED else ''

    def _restored(self, job: jobs.Job) -> tuple[int, int | None]:
        """The root's pid here, and when it started: None if it never did."""
        path = self._host.folder(job) / 'restored'
        if not path.exists():
            return int(job.needs['tree'][0]['pid']), None
        root, started = map(int, path.read_text().split())
        return root, started

    def _close(self, job: jobs.Job) -> None:
        self._servers.pop(job.id, None)
        receiver = self._receivers.pop(job.id, None)
        if receiver is not None:
            receiver.close()
        if self._host.folder(job).is_dir():
            criu.drop_images(str(self._host.folder(job)))

    def _numbers(self, job: jobs.Job) -> list[int]:
        """Rounds whose pages come to a page server here."""
        if job.mode not in _ROUNDS:
            return [] if job.mode in _LAZY else [0]
        last = self._limits.max_rounds + (job.mode is jobs.Mode.PRE_COPY)
        return list(range(1, last + 1))

    def _serve_pages(self, job: jobs.Job, number: int) -> int:
        folder = self._host.folder(job)
        hosts.make_images(self._host, job, number)
        port = channel.free_port(self._host.address, self._host.ports)
        options: dict[str, Any] = {
            'images': hosts.images_name(number),
            'address': self._host.address,
            'port': port,
            'tls': self._host.identity.paths_for(
                job.needs['certificate'], job.source, folder / 'peer.pem'
            ),
        }
        if number > 1:
            options['previous'] = number - 1
        pid = criu.start('page-server', str(folder), options)
        self._servers.setdefault(job.id, []).append(pid)
        hosts.wait_ready(pid, folder, 'page-server')
        return port

    def _wait_for_pages(
        self, job: jobs.Job, number: int, timeout_s: float
    ) -> None:
        # The last round of a hybrid comes lazily.
        count = number - 1 if job.mode in _LAZY else max(number, 1)
        for pid in self._servers.get(job.id, [])[:count]:
            hosts.wait_end(
                pid, self._host.folder(job), 'page-server', timeout_s
            )

    def _start_lazy_pages(
        self, job: jobs.Job, sent: base.Facts, images: str
    ) -> None:
        folder = self._host.folder(job)
        address, port = sent['pages']
        options = {
            'images': images,
            'address': address,
            'port': port,
            'tls': self._host.identity.paths(),
            'roots': [member['pid'] for member in job.needs['tree']],
            'since': int((folder / 'since').read_text()),
        }
        pid = criu.start('lazy-pages', str(folder), options)
        hosts.wait_ready(pid, folder, 'lazy-pages')

    def _clashes(self, job: jobs.Job) -> list[str]:
        found = []
        if (self._host.workloads / f'{job.name}.json').exists():
            found.append(f'it has a workload {job.name} already')
        wanted = [
            thread
            for member in job.needs['tree']
            for thread in member['threads']
            if not hosts.has_own_pids(job)
        ]
        taken = processes.taken(wanted)
        if taken:
            found.append(f'pids {", ".join(map(str, taken))} are taken')
        return found

    def _lacking_cpu(self, job: jobs.Job) -> list[str]:
        cpu = capabilities.cpu()
        if cpu['architecture'] != job.needs['architecture']:
            return [
                f'its architecture is {cpu["architecture"]}, not '
                f'{job.needs["architecture"]}'
            ]
        return capabilities.lacking_flags(job.needs['cpu_flags'])

    def _lacking_files(self, job: jobs.Job) -> list[str]:
        here = files.sizes(list(job.needs['files']))
        missing = sorted(set(job.needs['files']) - set(here))
        found = [f'it has no file {path}' for path in missing[:5]]
        if len(missing) > len(found):
            found.append(f'nor {len(missing) - len(found)} others')
        return found + self._other_programs(job)

    def _other_programs(self, job: jobs.Job) -> list[str]:
        """criu takes the same build only, and says so when it is too late."""
        programs = job.needs['programs']
        here = files.prints(list(programs))
        others = [
            path
            for path, wanted in sorted(programs.items())
            if here.get(path, wanted) != wanted
        ]
        found = [f'its {path} is another build' for path in others[:5]]
        if len(others) > len(found):
            found.append(f'and so are {len(others) - len(found)} others')
        return found

    def _lacking_disk(self, job: jobs.Job) -> list[str]:
        free_kib = shutil.disk_usage(self._host.state).free >> 10
        # Lazily, memory goes where it belongs and never to a file.
        memory_kib = 0 if job.mode in _LAZY else job.needs['memory_kib']
        needed_kib = memory_kib + _MARGIN_KIB
        if free_kib >= needed_kib:
            return []
        return [
            f'{self._host.state} has {free_kib >> 10} MiB free of the '
            f'{needed_kib >> 10} MiB needed'
        ]
