# SPDX-License-Identifier: Apache-2.0

"""Hosts as they are now, for whoever plans outside nova-scheduler.

nova-scheduler adds to a measurement what it gave out since. The deployer has
not given out anything itself, so it asks: Nova for the servers that came and
went, and the knowledge base for decisions whose servers Nova has not yet, as
in a burst of stacks.
"""

import dataclasses
import math
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence

from ecrae.clients import fleet
from ecrae.clients.session import Connection
from ecrae.kb import decisions
from ecrae.kb import readings
from ecrae.kb.db import Database
from ecrae.model import load
from ecrae.model import reading
from ecrae.model.cluster import Host
from ecrae.model.decision import Decision
from ecrae.model.knowledge import Knowledge
from ecrae.model.load import Allocation
from ecrae.model.reading import Reading
from ecrae.model.reading import Subject


@dataclasses.dataclass(frozen=True, slots=True)
class Memory:
    """What the knowledge base remembers of the last minutes."""

    #: Measurements of hosts that still count.
    readings: Sequence[Reading] = ()
    #: Decisions made since the oldest of these.
    decisions: Sequence[Decision] = ()


#: Nothing is measured.
NOTHING = Memory()


def remember(database: Database, now: float, max_age_s: float) -> Memory:
    """What to bring hosts up to now with.

    :param now: seconds since the epoch.
    :param max_age_s: the oldest measurement that counts.
    :raises ConfigError: the database failed.
    """
    with database.reader() as session:
        kept = readings.list_all(session, Subject.HOST)
        fresh = reading.fresh(kept, now, max_age_s)
        if not fresh:
            return NOTHING
        return Memory(fresh, decisions.list_since(session, _oldest(fresh)))


def hosts(
    connection: Connection,
    seen: Iterable[Host],
    known: Knowledge,
    memory: Memory,
    now: float,
) -> list[Host]:
    """Hosts with what is measured of them, and what was given out since.

    :param seen: with load estimated by what is allocated.
    :raises Forbidden: the account may not see all servers.
    :raises CloudError: Nova failed.
    """
    if not memory.readings:
        return list(seen)
    oldest = _oldest(memory.readings)
    given = fleet.list_allocations(connection, oldest, now)
    begun = {each.decision for each in given}
    given += pending(
        [made for made in memory.decisions if made.id not in begun], known
    )
    return load.with_readings(seen, memory.readings, now, math.inf, given)


def pending(
    made: Iterable[Decision], known: Knowledge
) -> Iterator[Allocation]:
    """What decisions will take of hosts once their servers are there."""
    for decision in made:
        for component in decision.components:
            flavor = known.flavors.get(component.chosen.flavor)
            if component.chosen.host and flavor is not None:
                yield Allocation(
                    host=component.chosen.host,
                    vcpus=flavor.vcpus,
                    at=decision.created_at.timestamp(),
                    decision=decision.id,
                )


def _oldest(measured: Sequence[Reading]) -> float:
    return min(each.measured_at for each in measured)
