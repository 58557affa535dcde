# SPDX-License-Identifier: Apache-2.0

"""Draws watts, hosts on and migrations over time, one line a policy."""

import pathlib
from collections.abc import Mapping

import numpy as np

from ecrae import exception
from ecrae.simulator.meter import Outcome


#: File formats, by suffix.
FORMATS = ('.png', '.svg')

_PANELS = (
    ('watts', 'watts'),
    ('hosts on', 'hosts_on'),
    ('migrations begun', 'migrations_begun'),
)


def check(path: pathlib.Path) -> None:
    """Find out before a long run whether it could be drawn.

    :raises UsageError: not a name of a PNG or SVG file in a folder.
    :raises ConfigError: matplotlib is not installed.
    """
    if path.suffix not in FORMATS:
        raise exception.UsageError(
            f'{path}: a plot is written as {" or ".join(FORMATS)}'
        )
    if not path.absolute().parent.is_dir():
        raise exception.UsageError(f'{path}: there is no such folder')
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise exception.ConfigError(
            'Plots need matplotlib: install ecrae[simulator].'
        ) from error


def write(
    path: pathlib.Path, outcomes: Mapping[str, Outcome], interval_s: float
) -> None:
    """Write a plot of policies side by side."""
    from matplotlib import figure

    drawing = figure.Figure(figsize=(9.0, 8.0), layout='constrained')
    axes = drawing.subplots(len(_PANELS), 1, sharex=True)
    for axis, (title, attribute) in zip(axes, _PANELS, strict=True):
        for name, outcome in outcomes.items():
            values = getattr(outcome, attribute)
            hours = np.arange(len(values)) * interval_s / 3600.0
            axis.plot(hours, values, label=name, linewidth=1.0)
        axis.set_ylabel(title)
        axis.grid(alpha=0.3)
    axes[-1].set_yscale('symlog')
    axes[-1].set_xlabel('hours')
    axes[0].legend(loc='best', fontsize='small')
    drawing.savefig(path, dpi=120)
