# SPDX-License-Identifier: Apache-2.0

import pytest

from ecrae.model import images
from ecrae.model.cluster import Image
from ecrae.model.images import Wanted
from tests.unit.deployer import world


KNOWN = (
    Image(name='bare'),
    Image(
        name='debian-9',
        architecture='x86_64',
        os_distribution='debian',
        os_version='9',
    ),
    Image(
        name='debian-12',
        architecture='x86_64',
        os_distribution='debian',
        os_version='12',
    ),
    Image(name='debian-arm', architecture='aarch64', os_distribution='debian'),
    Image(name='huge', architecture='ppc64le', min_disk_gib=500),
)


@pytest.mark.parametrize(
    ('wanted', 'name'),
    [
        (Wanted(architecture='x86_64'), 'debian-12'),
        (Wanted(architecture='x86_64', os_version='9'), 'debian-9'),
        (
            Wanted(architecture='AARCH64', os_distribution='Debian'),
            'debian-arm',
        ),
        (Wanted(architecture='x86_64', os_type='linux'), None),
        (Wanted(architecture='x86_64', os_version='1'), None),
        (Wanted(architecture='aarch64', os_version='12'), None),
        (Wanted(architecture='ppc64le'), None),
    ],
)
def test_an_image_is_what_it_says_word_for_word(wanted, name):
    found = images.choose(wanted, world.SMALL, KNOWN)

    assert (found.name if found else None) == name


def test_what_is_lacking():
    assert images.lack(
        Wanted(architecture='aarch64', os_version='12'), world.SMALL, KNOWN
    ) == (
        'no image for aarch64 12: the nearest, debian-12, '
        'has architecture x86_64'
    )
    assert 'does not tell its os_type' in images.lack(
        Wanted(os_type='linux'), world.SMALL, KNOWN[:1]
    )
