# SPDX-License-Identifier: Apache-2.0

"""The built-in catalogue: what a fresh install knows of hardware and tags.

Its watts are published SPECpower_ssj2008 results or estimates that say how;
its speeds derive from published figures. ``tools/catalogue`` makes it.
"""

import functools

from ecrae.kb import assembly
from ecrae.kb import document
from ecrae.model.knowledge import Knowledge


SOURCE = 'built-in catalogue'


@functools.cache
def load() -> Knowledge:
    """The catalogue, which no database is needed for. It names no hosts."""
    return assembly.build(document.read(document.builtin_text(), SOURCE))
