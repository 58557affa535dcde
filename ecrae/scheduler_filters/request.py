# SPDX-License-Identifier: Apache-2.0

"""What a Nova request says of ECRAE: its tag and the deployer's decision."""

import threading
from typing import Any

from ecrae.model import hints
from ecrae.model.knowledge import Knowledge
from ecrae.scheduler_filters import requirement
from ecrae.scheduler_filters.requirement import Requirement


#: What a thread's last request was found to be.
_last = threading.local()


def note(spec: Any) -> bool:
    """As :func:`is_tagged`, and remembered for this thread's next filters."""
    _last.is_tagged = is_tagged(spec)
    return _last.is_tagged


def may_be_tagged() -> bool:
    """Whether the request that this thread filters hosts for may be tagged.

    Nova asks a filter whether to run before it shows it the request, and its
    bookkeeping for one that passes every host takes milliseconds. A filter
    that ran before this one has seen the request.
    """
    return getattr(_last, 'is_tagged', True)


def is_tagged(spec: Any) -> bool:
    """Whether the server, or its flavor, carries a tag."""
    return bool(_hint(spec, hints.TAG) or _flavor_tag(spec))


def tag(spec: Any, knowledge: Knowledge) -> str | None:
    """The tag that counts.

    The server's own counts before that of its flavor, unless the flavor's is
    exact: by that an operator sells hardware, and no tenant may talk it away
    with a hint.
    """
    own, sold = _hint(spec, hints.TAG), _flavor_tag(spec)
    if sold and requirement.is_exact(sold, knowledge):
        return sold
    return own or sold


def requirement_of(spec: Any, knowledge: Knowledge) -> Requirement | None:
    """What the tag asks; None for no tag and for an unknown one."""
    name = tag(spec, knowledge)
    if not name:
        return None
    return requirement.requirement(
        name, spec.flavor.name, _hint(spec, hints.NODE_TYPE), knowledge
    )


def _hint(spec: Any, name: str) -> str | None:
    """A scheduler hint; the first where a list of several was given."""
    value = spec.get_scheduler_hint(name)
    if isinstance(value, list):
        return value[0] if value else None
    return value


def _flavor_tag(spec: Any) -> str | None:
    flavor = spec.flavor
    if 'extra_specs' not in flavor or not flavor.extra_specs:
        return None
    return flavor.extra_specs.get(hints.TAG)
