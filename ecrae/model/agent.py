# SPDX-License-Identifier: Apache-2.0

"""What is known of the agent of a compute host."""

import dataclasses
import datetime
from collections.abc import Mapping
from typing import Any


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """An agent as it last reported. Times are aware, in UTC."""

    hostname: str
    #: What the host can do, as JSON has it.
    capabilities: Mapping[str, Any]
    started_at: datetime.datetime
    heartbeat_at: datetime.datetime

    def is_alive(
        self, now: datetime.datetime, patience: datetime.timedelta
    ) -> bool:
        """Whether the last report is recent enough."""
        return now - self.heartbeat_at <= patience
