# SPDX-License-Identifier: Apache-2.0

"""Tables of the knowledge base.

What an operator names keeps its name as its key: a reference between rows
then reads as it does in the knowledge base document, and a bulk import
needs no look-up of numbers. Times are UTC, with microseconds.
"""

import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from ecrae.kb.columns import LABEL_LENGTH
from ecrae.kb.columns import NAME_LENGTH
from ecrae.kb.columns import Base
from ecrae.kb.columns import JsonText
from ecrae.kb.columns import UtcDateTime


_NAME = sa.String(NAME_LENGTH)
_LABEL = sa.String(LABEL_LENGTH)
_STATE = sa.String(16)
_UUID = sa.String(36)


class PowerProfile(Base):
    """A power curve and where it comes from."""

    __tablename__ = 'power_profile'

    name: orm.Mapped[str] = orm.mapped_column(_NAME, primary_key=True)
    quality: orm.Mapped[str] = orm.mapped_column(_STATE)
    source: orm.Mapped[str] = orm.mapped_column(sa.Text)
    power_w: orm.Mapped[list[float]] = orm.mapped_column(JsonText)
    sleep_w: orm.Mapped[float] = orm.mapped_column(sa.Double)


class NodeType(Base):
    """A class of identical hardware."""

    __tablename__ = 'node_type'

    name: orm.Mapped[str] = orm.mapped_column(_NAME, primary_key=True)
    architecture: orm.Mapped[str] = orm.mapped_column(_NAME)
    cpu: orm.Mapped[str] = orm.mapped_column(_LABEL)
    cores: orm.Mapped[int]
    threads: orm.Mapped[int]
    memory_mib: orm.Mapped[int]
    disk_gib: orm.Mapped[int]
    hypervisor_type: orm.Mapped[str] = orm.mapped_column(_NAME)
    power_profile: orm.Mapped[str] = orm.mapped_column(
        sa.ForeignKey(PowerProfile.name), index=True
    )


class Accelerator(Base):
    """Devices of one class in a node type."""

    __tablename__ = 'accelerator'

    node_type: orm.Mapped[str] = orm.mapped_column(
        sa.ForeignKey(NodeType.name), primary_key=True
    )
    kind: orm.Mapped[str] = orm.mapped_column(_NAME, primary_key=True)
    model: orm.Mapped[str] = orm.mapped_column(_LABEL, primary_key=True)
    count: orm.Mapped[int]
    #: Of one board; NULL where its watts are in the node type's.
    power_profile: orm.Mapped[str | None] = orm.mapped_column(
        sa.ForeignKey(PowerProfile.name), index=True
    )


class Flavor(Base):
    """A size that Nova sells."""

    __tablename__ = 'flavor'

    name: orm.Mapped[str] = orm.mapped_column(_LABEL, primary_key=True)
    vcpus: orm.Mapped[int]
    memory_mib: orm.Mapped[int]
    disk_gib: orm.Mapped[int]
    extra_specs: orm.Mapped[dict[str, str]] = orm.mapped_column(JsonText)


class Tag(Base):
    """A kind of workload."""

    __tablename__ = 'tag'

    name: orm.Mapped[str] = orm.mapped_column(_NAME, primary_key=True)
    kind: orm.Mapped[str] = orm.mapped_column(_STATE)
    description: orm.Mapped[str] = orm.mapped_column(sa.Text)
    source: orm.Mapped[str] = orm.mapped_column(sa.Text)


class TagTarget(Base):
    """One way to serve a tag."""

    __tablename__ = 'tag_target'

    tag: orm.Mapped[str] = orm.mapped_column(
        sa.ForeignKey(Tag.name), primary_key=True
    )
    node_type: orm.Mapped[str] = orm.mapped_column(
        sa.ForeignKey(NodeType.name), primary_key=True, index=True
    )
    flavor: orm.Mapped[str] = orm.mapped_column(
        sa.ForeignKey(Flavor.name), primary_key=True, index=True
    )
    preference: orm.Mapped[int]
    relative_speed: orm.Mapped[float] = orm.mapped_column(sa.Double)
    expected_utilization: orm.Mapped[float] = orm.mapped_column(sa.Double)
    #: NULL where nobody learned them.
    expected_memory: orm.Mapped[float | None] = orm.mapped_column(sa.Double)
    relative_draw: orm.Mapped[float | None] = orm.mapped_column(sa.Double)
    #: Kind that it uses, and how many; NULL for none.
    accelerator: orm.Mapped[str | None] = orm.mapped_column(_NAME)
    accelerators_busy: orm.Mapped[float | None] = orm.mapped_column(sa.Double)


class Host(Base):
    """A compute host."""

    __tablename__ = 'host'

    name: orm.Mapped[str] = orm.mapped_column(_LABEL, primary_key=True)
    node_type: orm.Mapped[str] = orm.mapped_column(
        sa.ForeignKey(NodeType.name), index=True
    )
    state: orm.Mapped[str] = orm.mapped_column(_STATE)
    #: Measured on this very host; NULL for its node type's.
    power_profile: orm.Mapped[str | None] = orm.mapped_column(
        sa.ForeignKey(PowerProfile.name), index=True
    )


class Decision(Base):
    """Audit record of one deployment; its nouns may be gone by now."""

    __tablename__ = 'decision'

    id: orm.Mapped[str] = orm.mapped_column(_UUID, primary_key=True)
    created_at: orm.Mapped[datetime.datetime] = orm.mapped_column(
        UtcDateTime, index=True
    )
    source: orm.Mapped[str] = orm.mapped_column(sa.Text)
    components: orm.Mapped[list[Any]] = orm.mapped_column(JsonText)


class Plan(Base):
    """What the rebalancer proposed at one moment."""

    __tablename__ = 'plan'

    id: orm.Mapped[str] = orm.mapped_column(_UUID, primary_key=True)
    created_at: orm.Mapped[datetime.datetime] = orm.mapped_column(
        UtcDateTime, index=True
    )
    updated_at: orm.Mapped[datetime.datetime] = orm.mapped_column(UtcDateTime)
    state: orm.Mapped[str] = orm.mapped_column(_STATE, index=True)
    strategy: orm.Mapped[str] = orm.mapped_column(_NAME)
    power_before_w: orm.Mapped[float] = orm.mapped_column(sa.Double)
    power_after_w: orm.Mapped[float] = orm.mapped_column(sa.Double)
    power_bound_w: orm.Mapped[float | None] = orm.mapped_column(sa.Double)
    error: orm.Mapped[str] = orm.mapped_column(sa.Text)


class Action(Base):
    """One step of a plan."""

    __tablename__ = 'action'

    plan_id: orm.Mapped[str] = orm.mapped_column(
        sa.ForeignKey(Plan.id, ondelete='CASCADE'), primary_key=True
    )
    position: orm.Mapped[int] = orm.mapped_column(
        primary_key=True, autoincrement=False
    )
    kind: orm.Mapped[str] = orm.mapped_column(_NAME)
    workload: orm.Mapped[str] = orm.mapped_column(_LABEL, index=True)
    source: orm.Mapped[str] = orm.mapped_column(_LABEL)
    destination: orm.Mapped[str] = orm.mapped_column(_LABEL)
    reason: orm.Mapped[str] = orm.mapped_column(sa.Text)
    saving_w: orm.Mapped[float] = orm.mapped_column(sa.Double)
    cost_j: orm.Mapped[float] = orm.mapped_column(sa.Double)
    state: orm.Mapped[str] = orm.mapped_column(_STATE)
    error: orm.Mapped[str] = orm.mapped_column(sa.Text)
    started_at: orm.Mapped[datetime.datetime | None] = orm.mapped_column(
        UtcDateTime
    )
    finished_at: orm.Mapped[datetime.datetime | None] = orm.mapped_column(
        UtcDateTime
    )


class Agent(Base):
    """The agent of a compute host."""

    __tablename__ = 'agent'

    hostname: orm.Mapped[str] = orm.mapped_column(_LABEL, primary_key=True)
    capabilities: orm.Mapped[dict[str, Any]] = orm.mapped_column(JsonText)
    started_at: orm.Mapped[datetime.datetime] = orm.mapped_column(UtcDateTime)
    heartbeat_at: orm.Mapped[datetime.datetime] = orm.mapped_column(
        UtcDateTime
    )


class Reading(Base):
    """The newest credible measurement of one metric of one subject."""

    __tablename__ = 'reading'

    subject: orm.Mapped[str] = orm.mapped_column(_STATE, primary_key=True)
    name: orm.Mapped[str] = orm.mapped_column(_LABEL, primary_key=True)
    metric: orm.Mapped[str] = orm.mapped_column(
        sa.String(32), primary_key=True
    )
    value: orm.Mapped[float] = orm.mapped_column(sa.Double)
    measured_at: orm.Mapped[datetime.datetime] = orm.mapped_column(UtcDateTime)
    source: orm.Mapped[str] = orm.mapped_column(sa.String(32))


class TargetChange(Base):
    """One change of a tag's target; its nouns may be gone by now."""

    __tablename__ = 'target_change'

    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    changed_at: orm.Mapped[datetime.datetime] = orm.mapped_column(UtcDateTime)
    tag: orm.Mapped[str] = orm.mapped_column(_NAME, index=True)
    node_type: orm.Mapped[str] = orm.mapped_column(_NAME)
    flavor: orm.Mapped[str] = orm.mapped_column(_LABEL)
    cause: orm.Mapped[str] = orm.mapped_column(sa.Text)
    old_fields: orm.Mapped[dict[str, Any] | None] = orm.mapped_column(
        JsonText, nullable=False
    )
    new_fields: orm.Mapped[dict[str, Any] | None] = orm.mapped_column(
        JsonText, nullable=False
    )


class Redeployment(Base):
    """A server that is being replaced, and what it had before."""

    __tablename__ = 'redeployment'

    server: orm.Mapped[str] = orm.mapped_column(_LABEL, primary_key=True)
    attachments: orm.Mapped[dict[str, Any]] = orm.mapped_column(JsonText)
    failure: orm.Mapped[str] = orm.mapped_column(sa.Text)
