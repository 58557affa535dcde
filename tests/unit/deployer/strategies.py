# SPDX-License-Identifier: Apache-2.0

"""Descriptors, as hypothesis makes them up."""

from hypothesis import strategies as st


NAMES = st.from_regex(r'[a-z][a-z_]{0,7}', fullmatch=True)
WORDS = st.text('abc xyz', min_size=1, max_size=10).map(str.strip)

_HOST = st.fixed_dictionaries(
    {},
    optional={
        'num_cpus': st.integers(1, 4),
        'mem_size': st.sampled_from(['1 GB', '2048 MiB', '1.5 GiB']),
        'disk_size': st.sampled_from(['1 GB', '20 GiB']),
        'cpu_frequency': st.just('1 GHz'),
    },
)
_OS = st.fixed_dictionaries(
    {},
    optional={
        'architecture': st.sampled_from(['x86_64', 'aarch64']),
        'type': st.sampled_from(['linux', 'Linux']),
        'version': st.sampled_from(['22.04', '24.04', 22.04]),
    },
)


def _capability(properties):
    # tosca-parser crashes on a capability without them.
    return st.fixed_dictionaries({'properties': properties})


_CAPABILITIES = st.fixed_dictionaries(
    {}, optional={'host': _capability(_HOST), 'os': _capability(_OS)}
)
_TAGS = st.sampled_from(['web', 'database', 'exact:thrifty'])


def _compute(draw):
    node = {
        'type': draw(
            st.sampled_from(
                ['tosca.nodes.Compute', 'ecrae.nodes.Compute', 'my.Worker']
            )
        )
    }
    if node['type'] == 'ecrae.nodes.Compute' or draw(st.booleans()):
        place = draw(st.sampled_from(['metadata', 'properties']))
        if node['type'] == 'tosca.nodes.Compute':
            place = 'metadata'
        key = 'tag' if place == 'properties' else 'ecrae.tag'
        node[place] = {key: draw(_TAGS)}
    for key, values in (
        ('description', WORDS),
        ('capabilities', _CAPABILITIES),
    ):
        if draw(st.booleans()):
            node[key] = draw(values)
    if draw(st.booleans()):
        node.setdefault('metadata', {})['owner'] = draw(WORDS)
    names = draw(st.permutations(list(node)))
    return {name: node[name] for name in names}


@st.composite
def documents(draw):
    """Valid descriptors with tagged, untagged and other nodes."""
    nodes = {}
    for name in draw(st.lists(NAMES, min_size=1, max_size=4, unique=True)):
        if draw(st.integers(0, 3)):
            nodes[name] = _compute(draw)
        else:
            nodes[name] = {
                'type': 'tosca.nodes.BlockStorage',
                'properties': {'size': '10 GB'},
            }
    document = {
        'tosca_definitions_version': draw(
            st.sampled_from(
                [f'tosca_simple_yaml_1_{minor}' for minor in (0, 2, 3)]
            )
        ),
        'description': draw(WORDS),
        'node_types': {
            'my.Worker': {
                'derived_from': 'ecrae.nodes.Compute',
                'properties': {'tag': {'type': 'string', 'default': 'web'}},
            }
        },
        'topology_template': {
            'inputs': {
                draw(NAMES): {
                    'type': 'integer',
                    'default': draw(st.integers()),
                }
            },
            'node_templates': nodes,
        },
    }
    if draw(st.booleans()):
        document['metadata'] = {'template_author': draw(WORDS)}
    return document


#: Whatever YAML can hold, with many of the words of TOSCA.
JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-1, 10**20)
    | st.floats()
    | st.sampled_from(
        [
            '',
            'tosca.nodes.Compute',
            'ecrae.nodes.Compute',
            'tosca.nodes.Root',
            'web',
            'exact:',
            '1 GB',
            'SELF',
            'HOST',
            '../../etc/passwd',
            '/etc/passwd',
            'file:///etc/passwd',
            'http://127.0.0.1:9/x',
            '{ get_resource: x }',
            'server',
        ]
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    'type',
                    'derived_from',
                    'properties',
                    'capabilities',
                    'requirements',
                    'interfaces',
                    'artifacts',
                    'metadata',
                    'ecrae.tag',
                    'tag',
                    'host',
                    'os',
                    'node',
                    'relationship',
                    'get_input',
                    'get_property',
                    'get_attribute',
                    'get_artifact',
                    'get_file',
                    'concat',
                    'file',
                    'implementation',
                    'create',
                    'Standard',
                    'inputs',
                    'default',
                    'constraints',
                    'targets',
                    'imports',
                    'repositories',
                    'server',
                ]
            )
            | st.integers(0, 3),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


def _places(value, path=()):
    yield path
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, item in items:
        yield from _places(item, (*path, key))


@st.composite
def broken(draw):
    """Valid descriptors with something else put in a few places."""
    document = draw(documents())
    for key in ('policies', 'groups', 'outputs', 'relationship_templates'):
        if not draw(st.integers(0, 7)):
            document['topology_template'][key] = draw(JUNK)
    for _ in range(draw(st.integers(0, 3))):
        path = draw(st.sampled_from(list(_places(document))))
        holder = document
        for step in path[:-1]:
            holder = holder[step]
        if path:
            holder[path[-1]] = draw(JUNK)
    return document
