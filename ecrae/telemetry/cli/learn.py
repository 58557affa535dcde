# SPDX-License-Identifier: Apache-2.0

"""``ecrae-manage learn``: expectations of tags out of what servers used."""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from ecrae.clients import servers
from ecrae.clients import session as sessions
from ecrae.kb import editing
from ecrae.model import learning
from ecrae.model import speed
from ecrae.model.knowledge import Knowledge
from ecrae.model.knowledge import Tag
from ecrae.model.learning import Lesson
from ecrae.model.learning import Usage
from ecrae.model.reading import Metric
from ecrae.model.reading import Subject
from ecrae.model.speed import SpeedLesson
from ecrae.telemetry import learning as measured
from ecrae.telemetry.cli import lesson


class Learn(lesson.LessonCommand):
    """Move tags' expectations towards what servers really did.

    The busy part of a vCPU is learned from servers' CPU, the relative speed
    of node types from the requests that they served for it, where a source
    counts them. One run moves either by at most a factor of two, and only
    where there are samples enough. ``ecrae-manage kb history`` lists what
    changed and ``ecrae-manage kb revert`` takes it back.
    """

    examples = """
        ecrae-manage learn --dry-run
        ecrae-manage learn --since 168 web-frontend database
    """

    def get_parser(self, prog_name: str) -> Any:
        """Options and arguments."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'tags',
            nargs='*',
            metavar='TAG',
            help='Tags to learn of; none: all that servers bear.',
        )
        return parser

    def take_action(self, parsed_args: Any) -> Any:
        """Learn, keep, and say what from."""
        known = self.known()
        for name in parsed_args.tags:
            editing.check_exists('tag', name, known.tags)
        used = self._usages(known, parsed_args.since)
        names = parsed_args.tags or sorted(used)
        taught = {
            name: learning.lessons(known.tags[name], used.get(name, ()))
            for name in names
        }
        speeds = {
            name: speed.lessons(known.tags[name], used.get(name, ()))
            for name in names
        }
        changed = [
            speed.learned(
                learning.learned(known.tags[name], taught[name]), speeds[name]
            )
            for name in names
        ]
        if not parsed_args.dry_run:
            with self.database().writer() as session:
                editing.set_targets(session, changed, 'learn')
        return _COLUMNS, [
            row
            for tag in changed
            for row in _rows(
                known.tags[tag.name], tag, taught[tag.name], speeds[tag.name]
            )
        ]

    def _usages(
        self, known: Knowledge, hours: float
    ) -> Mapping[str, Sequence[Usage]]:
        history = self.history(known, hours)
        series = history.read(Subject.INSTANCE, Metric.CPU_CORES_USED)
        requests = history.read(Subject.INSTANCE, Metric.REQUESTS_PER_S)
        found = servers.list_all(sessions.from_options(self.conf))
        return measured.usages(known, found, series, requests)


_COLUMNS = (
    'tag',
    'quantity',
    'flavor',
    'node_type',
    'servers',
    'samples',
    'measured',
    'expected_before',
    'expected_after',
    'outcome',
)


def _rows(
    before: Tag,
    after: Tag,
    taught: Iterable[Lesson],
    speeds: Iterable[SpeedLesson],
) -> Iterator[Any]:
    for used in taught:
        values = _values(
            before, after, 'expected_utilization', flavor=used.flavor
        )
        noun = ('expected_utilization', used.flavor, None)
        yield (before.name, *noun, *_tail(used, values))
    for done in speeds:
        values = _values(
            before, after, 'relative_speed', node_type=done.node_type
        )
        yield (
            before.name,
            *('relative_speed', None, done.node_type),
            *_tail(done, values),
        )


def _values(
    before: Tag, after: Tag, field: str, **named: str
) -> tuple[float, float]:
    """The greatest value of a field, of the targets of that name."""
    old, new = (
        max(
            getattr(target, field)
            for target in tag.targets
            if all(
                getattr(target, noun).name == name
                for noun, name in named.items()
            )
        )
        for tag in (before, after)
    )
    return old, new


def _tail(found: Lesson | SpeedLesson, values: tuple[float, float]) -> Any:
    too_few = f'too few samples: needs {learning.MIN_SAMPLES}'
    return (
        found.servers,
        found.samples,
        round(found.measured, 4),
        *(round(value, 4) for value in values),
        'learned' if found.is_enough else too_few,
    )
