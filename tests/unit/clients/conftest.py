# SPDX-License-Identifier: Apache-2.0

import pytest

from tests.unit.clients import wire


@pytest.fixture
def cloud(requests_mock):
    """A catalogue with all services; tests add the answers they need."""
    return wire.WireCloud(requests_mock)
