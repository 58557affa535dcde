# SPDX-License-Identifier: Apache-2.0

import pytest
from nova import exception
from nova.api.validation.extra_specs import validators


@pytest.mark.parametrize(
    ('name', 'value'),
    [
        ('ecrae:tag', 'web-frontend'),
        ('ecrae:tag', 'exact:x86-xeon-8380'),
        ('ecrae:pinned', 'true'),
        ('ecrae:relocatable', 'False'),
        # Nova's own and other projects' are none of our business.
        ('hw:cpu_policy', 'dedicated'),
        ('other:key', 'anything'),
    ],
)
def test_nova_api_takes(name, value):
    validators.validate(name, value)


@pytest.mark.parametrize(
    ('name', 'value'),
    [
        ('ecrae:tga', 'web-frontend'),
        ('ecrae:tag', ''),
        ('ecrae:tag', 'web frontend'),
        ('ecrae:tag', 'exact:'),
        ('ecrae:pinned', 'perhaps'),
    ],
)
def test_nova_api_refuses(name, value):
    with pytest.raises(exception.ValidationError):
        validators.validate(name, value)
