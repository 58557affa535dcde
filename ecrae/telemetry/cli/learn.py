# SPDX-License-Identifier: Apache-2.0

"""``ecrae-manage learn``: expectations of tags out of what servers used."""

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from ecrae.clients import servers
from ecrae.clients import session as sessions
from ecrae.kb import editing
from ecrae.model import learning
from ecrae.model.knowledge import Knowledge
from ecrae.model.knowledge import Tag
from ecrae.model.learning import Lesson
from ecrae.model.learning import Usage
from ecrae.model.reading import Metric
from ecrae.model.reading import Subject
from ecrae.telemetry import learning as measured
from ecrae.telemetry.cli import lesson


class Learn(lesson.LessonCommand):
    """Move tags' expected utilization towards what servers really used.

    One run moves an expectation by at most a factor of two, and only where
    there are samples enough. ``ecrae-manage kb history`` lists what changed
    and ``ecrae-manage kb revert`` takes it back.
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
        changed = [
            learning.learned(known.tags[name], taught[name]) for name in names
        ]
        if not parsed_args.dry_run:
            with self.database().writer() as session:
                editing.set_targets(session, changed, 'learn')
        return _COLUMNS, [
            _row(known.tags[tag.name], tag, lesson)
            for tag in changed
            for lesson in taught[tag.name]
        ]

    def _usages(
        self, known: Knowledge, hours: float
    ) -> Mapping[str, Sequence[Usage]]:
        history = self.history(known, hours)
        series = history.read(Subject.INSTANCE, Metric.CPU_CORES_USED)
        found = servers.list_all(sessions.from_options(self.conf))
        return measured.usages(known, found, series)


_COLUMNS = (
    'tag',
    'flavor',
    'servers',
    'samples',
    'measured',
    'expected_before',
    'expected_after',
    'outcome',
)


def _row(before: Tag, after: Tag, lesson: Lesson) -> Any:
    old, new = (
        max(
            target.expected_utilization
            for target in tag.targets
            if target.flavor.name == lesson.flavor
        )
        for tag in (before, after)
    )
    too_few = f'too few samples: needs {learning.MIN_SAMPLES}'
    return (
        before.name,
        lesson.flavor,
        lesson.servers,
        lesson.samples,
        round(lesson.measured, 4),
        round(old, 4),
        round(new, 4),
        'learned' if lesson.is_enough else too_few,
    )
