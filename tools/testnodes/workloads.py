# SPDX-License-Identifier: Apache-2.0

"""The program of workload.py, and what it tells of itself."""

import contextlib
import itertools
import json
import pathlib
import time
from typing import Any

from testnodes import nodes


#: Where nodes have these tools and the folder that they all share.
TOOLS = '/opt/testnodes'
SHARED = '/shared'
_FIRST_PID = 20000


class Workload:
    """The heartbeating program, wherever it runs."""

    def __init__(
        self, site: nodes.Site, shared: pathlib.Path, name: str
    ) -> None:
        self._site = site
        self.name = name
        self.beats = shared / f'{name}.beats'
        self.pid = 0

    def start(
        self, node: nodes.Node, mib: int, port: int, *, is_apart: bool = False
    ) -> None:
        """Run it and wait for its first beat.

        :param is_apart: in a pid and an IPC namespace of its own.
        """
        self.beats.unlink(missing_ok=True)
        self.beats.with_suffix('.sum').unlink(missing_ok=True)
        words = [str(port)] if port else []
        # Far from the pids of the agents, which would be in its way at the
        # other node.
        last_pid = '/proc/sys/kernel/ns_last_pid'
        node.run('sh', '-c', f'echo {_FIRST_PID} > {last_pid}')
        apart = ('unshare', '-p', '-i', '--fork', 'setsid')
        self.pid = node.daemon(
            *(apart if is_apart else ()),
            'python3',
            f'{TOOLS}/workload.py',
            f'{SHARED}/{self.beats.name}',
            str(mib),
            *words,
        )
        nodes.wait_for(self.beats.exists, f'{self.name} to beat', 60.0)
        if is_apart:
            child = node.run('pgrep', '-P', str(self.pid)).stdout
            self.pid = int(child)
        self.register(node)

    def register(self, node: nodes.Node, **facts: Any) -> None:
        """Write the file that says the agent may move it."""
        path = node.private / 'var' / 'workloads' / f'{self.name}.json'
        path.write_text(json.dumps({'pid': self.pid, **facts}))

    def registered_pid(self, node: nodes.Node) -> int:
        """The pid that the node's agent knows it by."""
        path = node.private / 'var' / 'workloads' / f'{self.name}.json'
        return int(json.loads(path.read_text())['pid'])

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
        since = time.time_ns()
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
        for node in self._site.nodes.values():
            for pid in node.pids(f'{SHARED}/{self.beats.name}'):
                node.run('kill', '-KILL', str(pid), check=False)
            path = node.private / 'var' / 'workloads' / f'{self.name}.json'
            path.unlink(missing_ok=True)
