# SPDX-License-Identifier: Apache-2.0

import hypothesis

from ecrae.kb import knowledge
from tests.unit.kb import strategies


@hypothesis.settings(
    max_examples=40,
    # One example over another is what an import over an import is.
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)
@hypothesis.given(strategies.knowledge())
def test_any_knowledge_survives_the_database(database, after):
    with database.writer() as session:
        knowledge.store(session, knowledge.load(session), after)
    with database.reader() as session:
        assert knowledge.load(session) == after
