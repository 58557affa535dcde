# SPDX-License-Identifier: Apache-2.0

import contextlib
import io
import stat
import warnings
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecrae import exception
from ecrae.deployer import csar
from ecrae.deployer import descriptor
from tests.unit.deployer import world


def archive(files, **options):
    """Bytes of a zip; a value may be (ZipInfo attributes, content)."""
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, 'w') as file:
        warnings.simplefilter('ignore')
        for name, content in files:
            info = zipfile.ZipInfo(name)
            info.compress_type = options.get('method', zipfile.ZIP_DEFLATED)
            info.external_attr = options.get('mode', stat.S_IFREG) << 16
            file.writestr(info, content)
    return buffer.getvalue()


META = ('TOSCA-Metadata/TOSCA.meta', 'TOSCA-Meta-File-Version: 1.0\n')


def test_the_metadata_names_the_descriptor():
    content = archive(
        [
            (META[0], META[1] + 'Entry-Definitions: Definitions/app.yaml\n'),
            ('Definitions/app.yaml', 'a'),
            ('Definitions/types.yaml', 'b'),
            ('Scripts/', ''),
            ('Scripts/create.sh', 'c'),
        ]
    )

    unpacked = csar.unpack(content, 'app.csar')

    assert unpacked.main == 'Definitions/app.yaml'
    assert dict(unpacked.files)['Scripts/create.sh'] == b'c'


def test_without_metadata_the_one_yaml_at_the_top_is_it():
    content = archive([('app.yaml', 'a'), ('types/x.yaml', 'b')])

    assert csar.unpack(content, 'app.csar').main == 'app.yaml'


@pytest.mark.parametrize(
    ('files', 'options', 'message'),
    [
        ([('../app.yaml', '')], {}, 'not a path inside it'),
        ([('/etc/app.yaml', '')], {}, 'not a path inside it'),
        ([('a/../../app.yaml', '')], {}, 'not a path inside it'),
        ([('a\\..\\app.yaml', '')], {}, 'not a path inside it'),
        ([('./app.yaml', '')], {}, 'not a path inside it'),
        ([('app.yaml', '/etc')], {'mode': stat.S_IFLNK}, 'a link'),
        ([('app.yaml', '')], {'mode': stat.S_IFCHR}, 'a device'),
        ([('app.yaml', '')], {'mode': stat.S_IFIFO}, 'a device'),
        ([('app.yaml', 'a')], {'method': zipfile.ZIP_LZMA}, 'deflated'),
        ([('app.yaml', 'a')], {'method': zipfile.ZIP_BZIP2}, 'deflated'),
        ([('app.yaml', 'a'), ('app.yaml', 'b')], {}, 'stands twice'),
        ([('a.yaml', ''), ('b.yaml', '')], {}, '2 YAML files'),
        ([('a.txt', '')], {}, '0 YAML files'),
        ([META], {}, 'has no Entry-Definitions'),
        (
            [(META[0], 'Entry-Definitions: gone.yaml')],
            {},
            "names 'gone.yaml', which is not in it",
        ),
        ([(f'{i}.txt', '') for i in range(1001)], {}, 'more than 1000 files'),
        (
            [(f'{i}', bytes(9 * 1024**2)) for i in range(8)],
            {},
            'larger than 64 MiB unpacked',
        ),
        ([('app.yaml', bytes(65 * 1024**2))], {}, 'larger than 64 MiB'),
    ],
    ids=range(18),
)
def test_refused(files, options, message):
    with pytest.raises(exception.TemplateError, match=message):
        csar.unpack(archive(files, **options), 'app.csar')


def test_an_encrypted_file_is_refused():
    content = bytearray(archive([('app.yaml', 'a')]))
    directory = content.index(b'PK\x01\x02')
    content[directory + 8] |= 1

    with pytest.raises(exception.TemplateError, match='is encrypted'):
        csar.unpack(bytes(content), 'app.csar')


GOOD = archive([('app.yaml', 'tosca: 1\n' * 50), ('s/x.sh', '#!/bin/sh\n')])


@given(
    st.lists(
        st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)),
        max_size=8,
    ),
    st.integers(0, len(GOOD)),
)
def test_a_damaged_archive_is_an_archive_or_an_error(changes, length):
    content = bytearray(GOOD)
    for place, value in changes:
        content[place] = value
    with contextlib.suppress(exception.TemplateError):
        csar.unpack(bytes(content[:length]), 'app.csar')


def test_paths_may_go_up_inside_the_archive_only():
    def read(reference):
        return descriptor.read(
            archive(
                [
                    (META[0], 'Entry-Definitions: Definitions/app.yaml'),
                    (
                        'Definitions/app.yaml',
                        world.tosca(
                            'a: {type: my.Type}',
                            more=f'imports: [{reference}]',
                        ),
                    ),
                    (
                        'Types/types.yaml',
                        'node_types: {my.Type: {derived_from: x}}',
                    ),
                ]
            ),
            name='app.csar',
        )

    found = read('../Types/types.yaml').document
    assert found['node_types'] == {'my.Type': {'derived_from': 'x'}}
    assert read('Types/types.yaml').document == found
    with pytest.raises(exception.TemplateError, match='leads out'):
        read('../../Types/types.yaml')
