# SPDX-License-Identifier: Apache-2.0

import datetime
import json

from ecrae.model import decision
from ecrae.model.knowledge import TagKind


def test_a_decision_survives_json():
    chosen = decision.CandidateScore(
        node_type='arm', flavor='small', host='a1', efficiency=2.5
    )
    lost = decision.CandidateScore(
        node_type='x86', flavor='small', is_feasible=False, reason='full'
    )
    before = decision.Decision(
        id='8c4b',
        created_at=datetime.datetime(2026, 1, 2, 3, 4, tzinfo=datetime.UTC),
        source='owncloud.yaml',
        components=(
            decision.ComponentDecision(
                node='web',
                tag='web-frontend',
                kind=TagKind.HINT,
                chosen=chosen,
                candidates=(chosen, lost),
            ),
        ),
    )
    text = json.dumps(decision.as_document(before))
    assert decision.from_document(json.loads(text)) == before
