# SPDX-License-Identifier: Apache-2.0

"""Names by which a server carries ECRAE's decision through Heat and Nova.

The same keys serve as scheduler hints, server metadata and, for operators
who tag a flavor instead of an application, flavor extra specs.
"""

from collections.abc import Mapping


#: Workload tag of the component that the server runs.
TAG = 'ecrae:tag'

#: Node type that the deployer chose.
NODE_TYPE = 'ecrae:node_type'

#: Identifier of the decision record in the knowledge base.
DECISION = 'ecrae:decision'

#: True on a server that the rebalancer must leave where it is.
PINNED = 'ecrae:pinned'

#: Texts that are true, as oslo.utils and so Nova reads them.
_TRUE = frozenset({'1', 't', 'true', 'on', 'y', 'yes'})

#: True on a component that may be redeployed on another architecture.
RELOCATABLE = 'ecrae:relocatable'

#: Busy part of its vCPUs, in (0, 1], above which a component is moved.
MAX_LOAD = 'ecrae:max_load'

#: Requests a second above which a component is moved.
MAX_REQUESTS_PER_S = 'ecrae:max_requests_per_s'

#: On a server that took the place of another one: that one's identifier.
REPLACES = 'ecrae:replaces'

#: A tag that starts with this names the one node type that will do.
EXACT_PREFIX = 'exact:'


def mark(
    key: str, metadata: Mapping[str, str], extra_specs: Mapping[str, str]
) -> str:
    """What the owner says of a server, or else its flavor; empty: nothing."""
    return metadata.get(key) or extra_specs.get(key, '')


def is_true(text: str) -> bool:
    """Whether a mark's text says yes."""
    return text.strip().lower() in _TRUE


def is_pinned(
    metadata: Mapping[str, str], extra_specs: Mapping[str, str]
) -> bool:
    """Whether a server stays where it is.

    One word is enough: an owner cannot move what the operator's flavor pins,
    nor the other way round.
    """
    return any(
        is_true(marks.get(PINNED, '')) for marks in (metadata, extra_specs)
    )


def is_relocatable(
    metadata: Mapping[str, str], extra_specs: Mapping[str, str]
) -> bool:
    """Whether a server may be redeployed on another architecture.

    The owner's word counts before the flavor's, and what is pinned never is.
    """
    return is_true(mark(RELOCATABLE, metadata, extra_specs)) and not is_pinned(
        metadata, extra_specs
    )
