# SPDX-License-Identifier: Apache-2.0

"""A knowledge base of its own for each test.

The database tests run the same modules with another fixture of this name.
"""

import pytest

from ecrae.kb import schema
from ecrae.kb.db import Database


@pytest.fixture
def database(tmp_path):
    made = Database(f'sqlite:///{tmp_path}/kb.sqlite')
    schema.upgrade(made)
    return made
