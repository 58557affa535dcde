# SPDX-License-Identifier: Apache-2.0

import pathlib
import re
import textwrap

from ecrae.kb import assembly
from ecrae.kb import document


PAGE = (
    pathlib.Path(__file__).parents[3] / 'doc/source/admin/knowledge-base.rst'
)


def test_the_documented_document_is_one_with_every_field():
    text = PAGE.read_text()
    blocks = re.findall(r'\.\. code-block:: yaml\n\n((?:   .*\n|\n)+)', text)
    example = max(map(textwrap.dedent, blocks), key=len)
    assembly.build(document.read(example, 'knowledge-base.rst'))
    for section in document.schema()['properties'].values():
        entry = section.get('additionalProperties', {})
        for field in entry.get('properties', {}):
            assert f'{field}:' in example, field
