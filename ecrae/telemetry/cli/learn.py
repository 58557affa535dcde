# SPDX-License-Identifier: Apache-2.0

"""``ecrae-manage learn``: expectations of tags out of what servers used."""

import dataclasses
from collections.abc import Iterator
from collections.abc import Sequence
from typing import Any

from ecrae.clients import servers
from ecrae.clients import session as sessions
from ecrae.kb import editing
from ecrae.model import draw
from ecrae.model import footprint
from ecrae.model import learning
from ecrae.model import speed
from ecrae.model.draw import DrawLesson
from ecrae.model.knowledge import Knowledge
from ecrae.model.knowledge import Tag
from ecrae.model.learning import Lesson
from ecrae.model.learning import Usage
from ecrae.model.reading import Metric
from ecrae.model.reading import Subject
from ecrae.model.speed import SpeedLesson
from ecrae.telemetry import draw as draws
from ecrae.telemetry import learning as measured
from ecrae.telemetry.cli import lesson


class Learn(lesson.LessonCommand):
    """Move tags' expectations towards what servers really did.

    The busy part of a vCPU is learned from servers' CPU, the part of a
    flavor's memory in use from their memory, the relative speed of node types
    from the requests that they served for it, where a source counts them, and
    what busy cores of the tag draw from the watts of hosts that several kinds
    of servers share. One run moves each by at most a factor of two, and only
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
        taught = self._taught(known, parsed_args.since, parsed_args.tags)
        changed = {
            name: lessons.learned(known.tags[name])
            for name, lessons in taught.items()
        }
        if not parsed_args.dry_run:
            with self.database().writer() as session:
                editing.set_targets(session, list(changed.values()), 'learn')
        return _COLUMNS, [
            row
            for name, lessons in taught.items()
            for row in _rows(known.tags[name], changed[name], lessons)
        ]

    def _taught(
        self, known: Knowledge, hours: float, names: Sequence[str]
    ) -> dict[str, '_Taught']:
        """What there is to learn of each tag, of all by default."""
        history = self.history(known, hours)
        series = history.read(Subject.INSTANCE, Metric.CPU_CORES_USED)
        requests = history.read(Subject.INSTANCE, Metric.REQUESTS_PER_S)
        memory = history.read(Subject.INSTANCE, Metric.MEMORY_USED_MIB)
        found = servers.list_all(sessions.from_options(self.conf))
        used = measured.usages(known, found, series, requests, memory)
        drawn = draw.lessons(
            known.tags, draws.moments(known, history, found, series)
        )
        return {
            name: _Taught.of(
                known.tags[name], used.get(name, ()), drawn.get(name)
            )
            for name in names or sorted(used)
        }


@dataclasses.dataclass(frozen=True, slots=True)
class _Taught:
    """All that is taught of one tag."""

    usage: Sequence[Lesson]
    memory: Sequence[Lesson]
    speed: Sequence[SpeedLesson]
    draw: DrawLesson | None

    @classmethod
    def of(
        cls, tag: Tag, usages: Sequence[Usage], drawn: DrawLesson | None
    ) -> '_Taught':
        """Out of what its servers used."""
        return cls(
            usage=learning.lessons(tag, usages),
            memory=footprint.lessons(tag, usages),
            speed=speed.lessons(tag, usages),
            draw=drawn,
        )

    def learned(self, tag: Tag) -> Tag:
        """The tag after one step towards everything."""
        tag = learning.learned(tag, self.usage)
        tag = footprint.learned(tag, self.memory)
        tag = speed.learned(tag, self.speed)
        return draw.learned(tag, self.draw)


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


def _rows(before: Tag, after: Tag, taught: _Taught) -> Iterator[Any]:
    of_flavor = (
        ('expected_utilization', taught.usage),
        ('expected_memory', taught.memory),
    )
    for quantity, lessons in of_flavor:
        for used in lessons:
            values = _values(before, after, quantity, flavor=used.flavor)
            noun = (quantity, used.flavor, None)
            yield (before.name, *noun, *_tail(used, values))
    for done in taught.speed:
        values = _values(
            before, after, 'relative_speed', node_type=done.node_type
        )
        noun_of_speed = ('relative_speed', None, done.node_type)
        yield (before.name, *noun_of_speed, *_tail(done, values))
    if taught.draw is not None:
        values = (draw.present(before), draw.present(after))
        noun_of_draw = ('relative_draw', None, None)
        yield (before.name, *noun_of_draw, *_tail(taught.draw, values))


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


def _tail(
    found: Lesson | SpeedLesson | DrawLesson, values: tuple[float, float]
) -> Any:
    too_few = f'too few samples: needs {learning.MIN_SAMPLES}'
    return (
        found.servers,
        found.samples,
        round(found.measured, 4),
        *(round(value, 4) for value in values),
        'learned' if found.is_enough else too_few,
    )
