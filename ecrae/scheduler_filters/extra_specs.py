# SPDX-License-Identifier: Apache-2.0

"""What nova-api accepts as ``ecrae:*`` extra specs of a flavor.

Without this Nova takes any key of an unknown namespace, misspelt ones too.
"""

from nova.api.validation.extra_specs import base

from ecrae.model import hints


def register() -> list[base.ExtraSpecValidator]:
    """Validators, as the entry point ``nova.api.extra_spec_validators``."""
    return [
        base.ExtraSpecValidator(
            name=hints.TAG,
            description=(
                'Workload tag of the servers of this flavor: the name of a '
                'tag in the knowledge base, or exact:NODE_TYPE.'
            ),
            value={
                'type': str,
                'pattern': r'(exact:)?[A-Za-z0-9][A-Za-z0-9._-]*',
            },
        ),
        base.ExtraSpecValidator(
            name=hints.PINNED,
            description='Whether the rebalancer must leave servers in place.',
            value={'type': bool},
        ),
        base.ExtraSpecValidator(
            name=hints.RELOCATABLE,
            description=(
                'Whether servers may be redeployed on another architecture.'
            ),
            value={'type': bool},
        ),
    ]
