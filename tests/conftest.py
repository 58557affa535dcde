# SPDX-License-Identifier: Apache-2.0

"""What holds for all tests."""

import hypothesis


# How long an example takes says how busy the machine is, not what is wrong.
hypothesis.settings.register_profile(
    'ecrae',
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile('ecrae')
