# SPDX-License-Identifier: Apache-2.0

"""``ecrae-manage telemetry``: what is measured, and whether it is believed."""

import time
from typing import Any

from ecrae import command
from ecrae.kb import knowledge
from ecrae.kb import readings
from ecrae.kb.db import Database
from ecrae.model.reading import Reading
from ecrae.telemetry import collection
from ecrae.telemetry import factory


class Show(command.Lister):
    """List the newest readings that the knowledge base holds.

    They are what the scheduler, the deployer and the rebalancer go by.
    """

    examples = """
        ecrae-manage telemetry show
        ecrae-manage telemetry show -f json
    """

    def take_action(self, parsed_args: Any) -> Any:
        """The readings that the collector has kept."""
        database = Database(self.conf.ecrae_database.connection)
        with database.reader() as session:
            return _table(readings.list_all(session))


class Check(command.Lister):
    """Ask every telemetry source once, and say what it answers.

    Nothing is kept: use it to try a configuration.
    """

    examples = """
        ecrae-manage telemetry check
        ecrae-manage --config-file new.conf telemetry check -f yaml
    """

    def take_action(self, parsed_args: Any) -> Any:
        """How many readings of each metric each source has."""
        database = Database(self.conf.ecrae_database.connection)
        with database.reader() as session:
            known = knowledge.load(session)
        collector = factory.make_collector(self.conf)
        taken = collector.collect(
            collection.limits(known, self.conf.ecrae_telemetry.max_age)
        )
        counts: dict[tuple[str, str, str], int] = {}
        for reading in taken.readings:
            key = (reading.source, str(reading.subject), str(reading.metric))
            counts[key] = counts.get(key, 0) + 1
        rows = [(*key, count, 'used') for key, count in sorted(counts.items())]
        rows += [
            (
                rejection.source,
                str(rejection.example.subject),
                str(rejection.metric),
                rejection.count,
                f'not believed: {rejection.reason}',
            )
            for rejection in taken.rejections
        ]
        rows += [
            (source, '', '', 0, f'no answer: {reason}')
            for source, reason in collector.failures.items()
        ]
        return ('source', 'subject', 'metric', 'readings', 'outcome'), rows


def _table(held: list[Reading]) -> Any:
    now = time.time()
    return (
        ('subject', 'name', 'metric', 'value', 'age_s', 'source'),
        [
            (
                str(reading.subject),
                reading.name,
                str(reading.metric),
                round(reading.value, 4),
                round(now - reading.measured_at),
                reading.source,
            )
            for reading in held
        ],
    )
