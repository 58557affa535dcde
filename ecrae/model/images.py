# SPDX-License-Identifier: Apache-2.0

"""Chooses a server's image by what it says of itself, word for word.

An image that does not tell its architecture may be of any, so it is not
taken for the one that is needed; likewise for each part of the operating
system that the author asks for.
"""

import dataclasses
import re
from collections.abc import Sequence

from ecrae.model.cluster import Flavor
from ecrae.model.cluster import Image


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What an image must be; an empty field wants nothing."""

    architecture: str = ''
    os_type: str = ''
    os_distribution: str = ''
    os_version: str = ''

    def __str__(self) -> str:
        return ' '.join(filter(None, dataclasses.astuple(self))) or 'any'


_FIELDS = ('architecture', 'os_type', 'os_distribution', 'os_version')


def choose(
    wanted: Wanted, flavor: Flavor, images: Sequence[Image]
) -> Image | None:
    """The newest image that is what is wanted and fits into the flavor."""
    fitting = [image for image in images if is_fit(image, wanted, flavor)]
    return max(fitting, key=_newness, default=None)


def is_fit(image: Image, wanted: Wanted, flavor: Flavor) -> bool:
    """Whether an image is what is wanted and fits into the flavor."""
    return not _misfits(image, wanted, flavor)


def lack(wanted: Wanted, flavor: Flavor, images: Sequence[Image]) -> str:
    """Why no image will do: what the nearest one lacks."""
    nearest = min(
        images,
        key=lambda image: (len(_misfits(image, wanted, flavor)), image.name),
    )
    why = ', '.join(_misfits(nearest, wanted, flavor))
    return f'no image for {wanted}: the nearest, {nearest.name}, {why}'


def _misfits(image: Image, wanted: Wanted, flavor: Flavor) -> list[str]:
    reasons = []
    for field in _FIELDS:
        asked, has = getattr(wanted, field), getattr(image, field)
        if asked and asked.casefold() != has.casefold():
            reasons.append(
                f'has {field} {has}' if has else f'does not tell its {field}'
            )
    if image.min_memory_mib > flavor.memory_mib:
        reasons.append(f'needs {image.min_memory_mib} MiB of memory')
    # A flavor without a disk takes the size of the image.
    if 0 < flavor.disk_gib < image.min_disk_gib:
        reasons.append(f'needs {image.min_disk_gib} GiB of disk')
    return reasons


def _newness(image: Image) -> tuple[list[int], str]:
    version = [int(n) for n in re.findall(r'\d{1,9}', image.os_version)]
    return version, image.name
