# SPDX-License-Identifier: Apache-2.0

"""The faults of the drill, and the steps at which they strike."""

import dataclasses


MODES = ('stop-and-copy', 'post-copy')
#: Journal lines that each end writes in an undisturbed migration.
LINES = {'source': 9, 'destination': 7}
NAMES = {
    'source': (
        'begun',
        'prepare',
        'ticket',
        'transfer',
        'transferring',
        'sent',
        'restore',
        'handed-over',
        'released',
    ),
    'destination': (
        'expected',
        'ticket',
        'restored',
        'active',
        'runs',
        'complete',
        'kept',
    ),
}
#: Steps at which the other faults strike, as the source's journal says.
STEPS = ('prepare', 'transferring', 'restore', 'handed-over')


@dataclasses.dataclass(frozen=True)
class Fault:
    """What breaks, where, and at which step."""

    name: str
    step: str
    mode: str
    side: str = ''


def faults() -> list[Fault]:
    """Every fault at every step in every mode."""
    found = []
    for mode in MODES:
        for side, lines in LINES.items():
            found += [
                Fault('kill agent', f'{number} {when}', mode, side)
                for number in range(1, lines + 1)
                for when in ('before', 'after')
            ]
        for step in STEPS:
            found += [
                Fault('cut data link', step, mode),
                Fault('cut both links', step, mode),
                Fault('restart bus', step, mode),
                Fault('lose destination', step, mode),
                Fault('fill disk', step, mode, 'destination'),
                Fault('fill disk', step, mode, 'source'),
            ]
        helpers = ('dump', 'restore') + (
            ('lazy-pages',) if mode == 'post-copy' else ('page-server',)
        )
        found += [Fault('kill criu', helper, mode) for helper in helpers]
    return found


def label(fault: Fault) -> tuple[str, str]:
    """(fault, step) as people say it."""
    if fault.name == 'kill agent':
        number, when = fault.step.split()
        step = NAMES[fault.side][int(number) - 1]
        return f'kill -9 agent, {fault.side}', f'{when} "{step}"'
    side = f', {fault.side}' if fault.side else ''
    return f'{fault.name}{side}', fault.step
