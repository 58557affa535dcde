# SPDX-License-Identifier: Apache-2.0

import dataclasses


@dataclasses.dataclass
class State:
    """The part of Nova's HostState that ECRAE looks at."""

    host: str
    nodename: str = ''
    cell_uuid: str = 'cell1'
    vcpus_used: int | None = 0
    aggregates: tuple = ()
