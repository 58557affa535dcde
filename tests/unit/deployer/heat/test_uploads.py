# SPDX-License-Identifier: Apache-2.0

from ecrae.deployer.heat import uploads


URL = 'file:///home/demo/app/scripts/install.sh'


def test_listed_file_is_known_by_its_path():
    document, files = uploads.split(
        {
            'metadata': {
                'template_name': 'shop',
                'ecrae.files': {'scripts/install.sh': {'get_file': URL}},
            }
        },
        {URL: 'echo'},
    )
    assert document == {'metadata': {'template_name': 'shop'}}
    assert files['scripts/install.sh'] == b'echo'


def test_metadata_that_listed_only_files_is_gone():
    document, _ = uploads.split(
        {'metadata': {'ecrae.files': {}}, 'description': 'x'}, {}
    )
    assert document == {'description': 'x'}


def test_file_that_was_not_uploaded_is_not_there():
    _, files = uploads.split(
        {'metadata': {'ecrae.files': {'a': {'get_file': '/etc/shadow'}}}}, {}
    )
    assert files == {}


def test_files_that_came_by_path_keep_it():
    _, files = uploads.split({}, {'scripts/a.sh': 'echo'})
    assert files == {'scripts/a.sh': b'echo'}


def test_malformed_list_is_passed_over():
    for listed in (None, [], 'x', {'a': 'b'}, {'a': {'get_file': None}}):
        document = {'metadata': {'ecrae.files': listed}}
        assert uploads.split(document, {}) == ({}, {})
