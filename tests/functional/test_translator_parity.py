# SPDX-License-Identifier: Apache-2.0

"""Without tags, ECRAE's Heat template is heat-translator's own.

The samples are those that heat-translator tests itself with; they are in
its source distribution, which pip fetches once. Flavors, images, hints and
metadata of servers are ECRAE's business; all the rest has to be equal, but
for what doc/source/user/differences-from-heat-translator.rst explains.
"""

import contextlib
import dataclasses
import importlib.metadata
import io
import pathlib
import subprocess
import sys
import tarfile
import zipfile

import pytest
import yaml
from toscaparser.tosca_template import ToscaTemplate
from translator.hot.tosca_translator import TOSCATranslator

from ecrae import exception
from ecrae.deployer import inventory
from ecrae.deployer import pipeline
from ecrae.kb import catalogue
from ecrae.model.cluster import Image


#: A key stands twice in the sample or in what it imports. YAML forbids it
#: and ECRAE refuses it; here the value that the others take is kept.
DUPLICATE_KEYS = {
    'etsi_nfv/tosca_nfv_vdu_affinity_with_unsupported_scope.yaml',
    'nfv/test_tosca_nfv_autoscaling.yaml',
    'nfv/test_tosca_nfv_autoscaling_with_params.yaml',
    'nfv/tosca_placement_policy_affinity.yaml',
    'nfv/tosca_placement_policy_anti_affinity.yaml',
    'nfv/tosca_placement_policy_soft_affinity.yaml',
}

#: Read from a CSAR, because they import from beside their folder.
FROM_ARCHIVE = {
    'autoscaling/tosca_autoscaling.yaml',
    'autoscaling/tosca_cluster_autoscaling.yaml',
    'monitoring/tosca_monitoring_scaling.yaml',
}

#: Refused for good: what ECRAE says of them.
REFUSED = {
    'nfv/test_tosca_unsupported_policy_type.yaml': 'stands twice',
    'reservation/tosca-vnfd-reservation-id.yaml': 'not among the submitted',
    'test_tosca_artifact.yaml': 'is a URL',
    'test_tosca_unsupported_type.yaml': 'not yet available',
    'tosca_helloworld_invalid.yaml': 'tosca_definitions_version',
    'tosca_single_instance_wordpress_with_local_abspath_import.yaml': (
        'is not a relative path'
    ),
    'tosca_single_instance_wordpress_with_url_import.yaml': 'is a URL',
}

SYSTEMS = {
    'ubuntu': ('12.04', '12.10', '14.04', '14.10'),
    'rhel': ('6.5', '7.0', '8.0'),
    'fedora': ('18.0', '20.0', '21.0'),
    'cirros': ('0.3.1', '0.3.2', '0.4.0'),
}

#: For inputs without a default, by type.
VALUES = {
    'string': 'text',
    'integer': 2,
    'float': 1.5,
    'boolean': True,
    'scalar-unit.size': '1 GB',
    'PortDef': 8080,
}

OURS = ('flavor', 'image', 'scheduler_hints', 'metadata')


AUTO = [{'allocate_network': 'auto'}]


@pytest.fixture(scope='session')
def samples(request):
    """Folder of heat-translator's samples, of the version installed."""
    version = importlib.metadata.version('heat-translator')
    cache = pathlib.Path(request.config.cache.mkdir('heat-translator'))
    folder = cache / f'heat_translator-{version}/samples/tests/data'
    if not folder.is_dir():
        subprocess.run(
            [
                *(sys.executable, '-m', 'pip', 'download', '--quiet'),
                *('--no-deps', '--no-binary', ':all:', '--dest', cache),
                f'heat-translator=={version}',
            ],
            check=True,
        )
        (archive,) = cache.glob(f'*-{version}.tar.gz')
        with tarfile.open(archive) as tar:
            members = [
                member
                for member in tar
                if '/samples/tests/data/' in member.name
                and member.name.endswith('.yaml')
            ]
            tar.extractall(cache, members, filter='data')
    return folder


@pytest.fixture(scope='session')
def world():
    """Knowledge, and a cloud with the systems that the samples ask for."""
    known = catalogue.load()
    images = tuple(
        Image(
            name=f'{distribution}-{version}',
            architecture='x86_64',
            os_type='linux',
            os_distribution=distribution,
            os_version=version,
        )
        for distribution, versions in SYSTEMS.items()
        for version in versions
    )
    cluster = inventory.builtin(known)
    return known, dataclasses.replace(cluster, images=images)


def _sample_names(samples):
    for path in sorted(samples.rglob('*.yaml')):
        name = path.relative_to(samples).as_posix()
        is_output = name.startswith('hot_output/')
        if not is_output and 'topology_template' in path.read_text():
            yield name


def _values(document):
    """A value for each input that needs one, and the defaults."""
    values = {}
    inputs = document['topology_template'].get('inputs') or {}
    for name, definition in inputs.items():
        choices = [
            constraint['valid_values'][0]
            for constraint in definition.get('constraints') or ()
            if 'valid_values' in constraint
        ]
        values[name] = definition.get(
            'default', choices[0] if choices else VALUES[definition['type']]
        )
    return values


def _stock(path, values):
    """heat-translator's templates by file name."""
    with contextlib.redirect_stdout(io.StringIO()):
        template = ToscaTemplate(str(path), dict(values))
        translator = TOSCATranslator(template, dict(values))
        files = translator.translate_to_yaml_files_dict('')
    return {name: yaml.safe_load(text) for name, text in files.items()}


def _without_duplicates(samples, folder):
    """The samples with each key once, the last value as PyYAML has it."""
    for path in samples.rglob('*.yaml'):
        copy = folder / path.relative_to(samples)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(
            yaml.safe_dump(yaml.safe_load(path.read_text()), sort_keys=False)
        )
    return folder


def _archive(samples, name):
    content = io.BytesIO()
    with zipfile.ZipFile(content, 'w') as archive:
        archive.writestr(
            'TOSCA-Metadata/TOSCA.meta', f'Entry-Definitions: {name}\n'
        )
        for path in samples.rglob('*.yaml'):
            archive.write(path, path.relative_to(samples).as_posix())
    return content.getvalue()


def _as_stock_writes(template):
    """heat-translator deletes the quotes from all but the description."""
    template = dict(template)
    description = template.pop('description', '')
    text = yaml.dump(template, default_flow_style=False, sort_keys=False)
    written = yaml.safe_load(text.replace("'", '').replace('\n\n', '\n'))
    return {**written, 'description': description}


def _comparable(template):
    """All but what ECRAE is there to change.

    It also names a network for servers that have none, without which Nova
    refuses them, and takes their address from it.
    """
    nameless = []
    for name, resource in (template.get('resources') or {}).items():
        if resource['type'] == 'OS::Nova::Server':
            properties = resource['properties']
            for key in OURS:
                properties.pop(key, None)
            if properties.get('networks', AUTO) == AUTO:
                properties['networks'] = AUTO
                nameless.append(name)
    for name in nameless:
        template = _with_first_address(template, name)
    return {'description': '', **template}


def _with_first_address(value, server):
    if value == [server, 'networks', 'private', 0]:
        return [server, 'first_address']
    if isinstance(value, dict):
        return {
            key: _with_first_address(item, server)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_with_first_address(item, server) for item in value]
    return value


def _templates(plan):
    """The plan's templates by file name."""
    nested = {
        path: yaml.safe_load(text)
        for path, text in plan.hot_files.items()
        if path.endswith(('_res.yaml', '.hot.yaml'))
    }
    return {'': plan.hot, **nested}


def test_samples_without_tags_are_translated_as_heat_translator_does(
    samples, world, tmp_path
):
    knowledge, cluster = world
    normal = _without_duplicates(samples, tmp_path)
    names = [name for name in _sample_names(samples) if name not in REFUSED]
    differing = {}
    for name in names:
        values = _values(yaml.safe_load((samples / name).read_text()))
        if name in FROM_ARCHIVE:
            source = _archive(normal, name)
        else:
            source = (normal if name in DUPLICATE_KEYS else samples) / name
        plan = pipeline.plan(
            source, inputs=values, knowledge=knowledge, cluster=cluster
        )

        ours = {
            file: _comparable(_as_stock_writes(template))
            for file, template in _templates(plan).items()
        }
        stock = {
            file: _comparable(template)
            for file, template in _stock(samples / name, values).items()
        }
        if ours != stock:
            differing[name] = (ours, stock)

    assert differing == {}
    assert len(names) > 50


@pytest.mark.parametrize(('name', 'reason'), REFUSED.items())
def test_samples_that_are_refused_are_refused_for_a_reason(
    samples, world, name, reason
):
    knowledge, cluster = world
    with pytest.raises(exception.TemplateError, match=reason):
        pipeline.plan(
            samples / name, inputs={}, knowledge=knowledge, cluster=cluster
        )
