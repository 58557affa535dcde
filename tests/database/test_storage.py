# SPDX-License-Identifier: Apache-2.0

"""The tests of every query, run again on each kind of server."""

from tests.unit.kb import test_knowledge
from tests.unit.kb import test_plans
from tests.unit.kb import test_records


for _module in (test_knowledge, test_plans, test_records):
    globals().update(
        {
            name: value
            for name, value in vars(_module).items()
            if name.startswith('test_')
        }
    )
