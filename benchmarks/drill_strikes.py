# SPDX-License-Identifier: Apache-2.0

"""How each fault strikes, and how it is undone."""

import contextlib
import threading
import time
from collections.abc import Callable

import drill_faults as faults
import drill_world as world


#: Breaks something; returns what mends it.
_Act = Callable[[world.Drill, faults.Fault], Callable[[], None]]


def _kill_agent(
    drill: world.Drill,
    fault: faults.Fault,
    before: dict[str, str | None],
    struck: threading.Event,
) -> Callable[[], None]:
    node = drill.here if fault.side == 'source' else drill.there
    order = node.private / 'var' / 'die'
    order.write_text(fault.step)
    thread = drill.when(lambda: not order.exists(), lambda: None, struck)

    def undo() -> None:
        thread.join()
        order.unlink(missing_ok=True)
        if struck.is_set():
            drill.fleet.kill_agent(node)

    return undo


def _at_step(
    act: _Act,
) -> Callable[..., Callable[[], None]]:
    def strike(
        drill: world.Drill,
        fault: faults.Fault,
        before: dict[str, str | None],
        struck: threading.Event,
    ) -> Callable[[], None]:
        undoing: list[Callable[[], None]] = []
        thread = drill.when(
            lambda: drill.at_step(fault.step, before),
            lambda: undoing.append(act(drill, fault)),
            struck,
        )

        def undo() -> None:
            thread.join()
            for action in undoing:
                action()

        return undo

    return strike


def _cut(
    *kinds: str,
) -> _Act:
    def act(drill: world.Drill, fault: faults.Fault) -> Callable[[], None]:
        node = drill.there
        for kind in kinds:
            node.cut(kind)

        def mend() -> None:
            time.sleep(drill.rng.choice((0.5, 3.0, 18.0)))
            for kind in kinds:
                node.mend(kind)

        return mend

    return act


def _restart_bus(
    drill: world.Drill, fault: faults.Fault
) -> Callable[[], None]:
    drill.fleet.bus.stop()
    return drill.fleet.bus.start


def _lose(drill: world.Drill, fault: faults.Fault) -> Callable[[], None]:
    node = drill.there
    node.kill()
    drill.fleet.forget_agent(node)

    def boot() -> None:
        node.start()
        drill.fleet.mount_state(node)
        node.shape(drill.fleet.rate)
        drill.fleet.start_agent(node)

    return boot


def _fill(drill: world.Drill, fault: faults.Fault) -> Callable[[], None]:
    node = drill.here if fault.side == 'source' else drill.there
    path = drill.state(node) / 'ballast'
    with contextlib.suppress(OSError), path.open('wb', buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            with contextlib.suppress(OSError):
                while file.write(b'x' * size):
                    pass
    return lambda: (drill.state(node) / 'ballast').unlink(missing_ok=True)


def _kill_criu(
    drill: world.Drill,
    fault: faults.Fault,
    before: dict[str, str | None],
    struck: threading.Event,
) -> Callable[[], None]:
    node = drill.here if fault.step == 'dump' else drill.there
    # The program itself; the agent and the keeper name it, too.
    pattern = f'^[^ ]*criu {fault.step} '

    def kill() -> None:
        time.sleep(drill.rng.choice((0.0, 0.02, 0.1, 0.4)))
        # Looked for anew: what was criu a moment ago may be the restored
        # workload by now, and nobody brings that back from a kill.
        done = node.run('pkill', '-9', '-f', pattern, check=False)
        if done.returncode == 0:
            struck.set()

    # It may have ended before the kill.
    tried = threading.Event()
    thread = drill.when(lambda: bool(node.pids(pattern)), kill, tried)
    return thread.join


#: Name of a fault → what it does.
STRIKES: dict[str, world.Strike] = {
    'kill agent': _kill_agent,
    'cut data link': _at_step(_cut('data')),
    'cut both links': _at_step(_cut('data', 'mgmt')),
    'restart bus': _at_step(_restart_bus),
    'lose destination': _at_step(_lose),
    'fill disk': _at_step(_fill),
    'kill criu': _kill_criu,
}
