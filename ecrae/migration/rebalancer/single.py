# SPDX-License-Identifier: Apache-2.0

"""One turn of the rebalancer, for a person who watches."""

from oslo_config import cfg

from ecrae import exception
from ecrae.migration.rebalancer import factory
from ecrae.migration.rebalancer import turns
from ecrae.migration.rebalancer.cycle import Report
from ecrae.migration.rebalancer.leader import Leadership


def turn(conf: cfg.ConfigOpts, *, is_dry: bool) -> str:
    """Take a turn and say what came of it; a dry one changes nothing.

    :raises Conflict: another rebalancer leads, and this is no dry run.
    :raises EcraeError: a source could not be reached.
    """
    if is_dry:
        parts = factory.make(conf, lambda: False)
        return text(parts.cycle.plan(ignores_hold=True, is_dry=True))
    leadership = Leadership(conf.ecrae_rebalancer.coordination_url)
    try:
        if not leadership.claim():
            raise exception.Conflict(
                'Another rebalancer leads: stop it first, or look with '
                '--dry-run.'
            )
        cycle = factory.make(conf, lambda: not leadership.is_held()).cycle
        report = cycle.resume() or cycle.enact_approved()
        return text(report or cycle.plan(ignores_hold=True))
    finally:
        leadership.resign()


def text(report: Report) -> str:
    """A report for a person: figures, moves and every verdict."""
    lines = [turns.describe(report)]
    found = report.proposal
    if found is not None:
        lines.append(
            f'{found.power_before_w:.1f} W now, {found.power_after_w:.1f} W '
            f'after {len(found.actions)} actions, no placement below '
            f'{found.power_bound_w:.1f} W.'
        )
        lines += [
            f'{number}. {each.kind} {each.workload}: {each.source} → '
            f'{each.destination}, saves {each.saving_w:.1f} W, costs '
            f'{each.cost_j:.0f} J: {each.reason}'
            for number, each in enumerate(found.actions, start=1)
        ]
    lines += [
        f'{"held" if each.is_held else "free"}  {each.brake}: {each.reason}'
        for each in report.verdicts
    ]
    return '\n'.join(lines)
