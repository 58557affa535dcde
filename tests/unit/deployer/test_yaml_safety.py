# SPDX-License-Identifier: Apache-2.0

import datetime

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ecrae import exception
from ecrae.deployer import yaml_safety


def test_parts_are_found_in_the_text():
    document = yaml_safety.load(
        'a: &base {b: 1}\nc:\n  <<: *base\n  version: 22.10\nd:\n- x\n- y\n',
        'app',
    )

    assert document.value == {
        'a': {'b': 1},
        'c': {'b': 1, 'version': 22.1},
        'd': ['x', 'y'],
    }
    assert document.line('c', 'version') == 4
    assert document.line('c', 'not there') == 2
    assert document.line('d', 1) == 7
    assert document.line('nowhere') is None
    assert document.text('c', 'version') == '22.10'


def test_aliases_become_values_of_their_own():
    value = yaml_safety.load(
        'a: &x {<<: &y {q: 1, r: 2}, q: 3}\nb: *x\nc: *y\n', 'app'
    ).value

    assert value == {
        'a': {'q': 3, 'r': 2},
        'b': {'q': 3, 'r': 2},
        'c': {'q': 1, 'r': 2},
    }
    assert value['a'] is not value['b']


LAUGHS = 'a: &a [lol]\n' + ''.join(
    f'{name}: &{name} [{", ".join([f"*{before}"] * 10)}]\n'
    for before, name in zip('abcdefghi', 'bcdefghij', strict=True)
)


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('[' * 100_000, 'line 1: nested deeper than 50 levels'),
        ('- ' * 30_000, 'line 1: nested deeper than 50 levels'),
        (LAUGHS, 'line 6: more than 100000 values'),
        ('- a\n' * 100_001, 'line 100000: more than 100000 values'),
        ('#' * 1024 * 1024 + '\na: 1', 'larger than 1024 KiB'),
        ('a: &a [*a]', r'line 1: alias \*a names nothing'),
        ('a: *b', 'line 1: alias'),
        ('a: 1\nb: 2\na: 3', 'line 3: a stands twice'),
        ('a: 1\n"a": 3', 'line 2: a stands twice'),
        ('a:\n  b: c: d', 'line 2: not YAML'),
        ('? [a]\n: b', 'line 1: a key must be a name'),
        ('!!python/object/apply:os.system [id]', 'line 1: YAML tag'),
        ('a: !!binary aGk=', 'line 1: YAML tag'),
        ('a: !!set {b}', 'line 1: YAML tag'),
        ('a: !!bool maybe', 'line 1: not YAML'),
        ('a: !!timestamp never', 'line 1: not YAML'),
        ('a: 2016-99-99', 'line 1: not YAML'),
        ('a: ' + '9' * 5000, 'line 1: not YAML'),
        ('a\n--- b', 'line 2: not YAML'),
        ('\0', 'not YAML'),
        ('a: \ud800', 'not YAML'),
        (b'\xff\xfe', 'not UTF-8 at byte 0'),
    ],
    ids=range(22),
)
def test_refused_with_the_line(text, message):
    with pytest.raises(exception.TemplateError, match=f'^app: {message}'):
        yaml_safety.load(text, 'app')


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False)
    | st.dates(datetime.date(1900, 1, 1))
    | st.text(st.characters(codec='utf-8', exclude_categories=['Cc', 'Cs'])),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.text('abc_1', min_size=1), inner, max_size=5)
    ),
    max_leaves=20,
)


@given(VALUES)
def test_what_is_written_is_read_back(value):
    assert yaml_safety.load(yaml_safety.dump(value), 'app').value == value
    assert yaml_safety.copy(value, 'app') == value


@given(st.text('ab:-*&!{}[]<,#"\'\n 1.~|>%@', max_size=60))
def test_agrees_with_pyyaml_or_refuses(text):
    try:
        value = yaml_safety.load(text, 'app').value
    except exception.TemplateError:
        return
    assert value == yaml.load(text, yaml.CSafeLoader)


def test_a_shared_value_is_not_expanded_without_bound():
    value = ['lol']
    for _ in range(30):
        value = [value] * 10

    with pytest.raises(exception.TemplateError, match='more than 100000'):
        yaml_safety.copy(value, 'app')


def test_a_cycle_is_refused():
    value = []
    value.append(value)

    with pytest.raises(exception.TemplateError):
        yaml_safety.copy(value, 'app')
