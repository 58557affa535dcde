# SPDX-License-Identifier: Apache-2.0

"""``ECRAE::Application``: a nested stack made of a pure TOSCA descriptor.

The descriptor comes as a property, through ``get_file``, and so needs no line
for Heat in it. Everything else is :mod:`ecrae.deployer.heat.template`'s, which
the nested stack has as its template until hardware is chosen.
"""

from collections.abc import Mapping
from typing import Any

from heat.common.i18n import _
from heat.engine import attributes
from heat.engine import properties
from heat.engine import support
from heat.engine.resources import stack_resource

from ecrae.deployer.heat import stored
from ecrae.deployer.heat.template import ToscaTemplate


class Application(stack_resource.StackResource):
    """An application of tagged components, each on hardware that suits it.

    ECRAE chooses a flavor and an image for every tagged Compute node of a
    TOSCA descriptor and makes a nested stack of the result.
    """

    TYPE = 'ECRAE::Application'

    support_status = support.SupportStatus(version='27.0.0')

    PROPERTIES = (TEMPLATE, INPUTS, FILES) = ('template', 'inputs', 'files')
    ATTRIBUTES = (OUTPUTS,) = ('outputs',)

    properties_schema = {
        TEMPLATE: properties.Schema(
            properties.Schema.STRING,
            _('Tagged TOSCA descriptor, normally brought by get_file.'),
            required=True,
            update_allowed=True,
        ),
        INPUTS: properties.Schema(
            properties.Schema.MAP,
            _('Values of the inputs of the descriptor.'),
            default={},
            update_allowed=True,
        ),
        FILES: properties.Schema(
            properties.Schema.MAP,
            _(
                'Content of each file that the descriptor names, such as an '
                'import or an implementation, by the name it has there.'
            ),
            default={},
            update_allowed=True,
        ),
    }

    attributes_schema = {
        OUTPUTS: attributes.Schema(
            _('Outputs of the descriptor, by name.'),
            type=attributes.Schema.MAP,
        ),
    }

    def child_template(self) -> str:
        """The descriptor's text."""
        return str(self.properties[self.TEMPLATE] or '')

    def child_params(self) -> dict[str, Any]:
        """The inputs, which are the nested stack's parameters."""
        return dict(self.properties[self.INPUTS] or {})

    def child_template_files(self, child_env: Any) -> dict[str, Any]:
        """Files by the names that the property has, and as uploaded.

        A descriptor that has Heat's line and its own list of files refers to
        the latter.
        """
        return {**self.stack.t.files, **(self.properties[self.FILES] or {})}

    def handle_create(self) -> Any:
        """Make the nested stack."""
        return self.create_with_template(
            self.child_template(), self.child_params()
        )

    def handle_update(
        self, json_snippet: Any, tmpl_diff: Any, prop_diff: Mapping[str, Any]
    ) -> Any:
        """Change the nested stack; unchanged components stay."""
        self.properties = json_snippet.properties(
            self.properties_schema, self.context
        )
        return self.update_with_template(
            self.child_template(), self.child_params()
        )

    def _parse_child_template(
        self, child_template: str | Mapping[str, Any], child_env: Any
    ) -> Any:
        if not isinstance(child_template, str):
            # What Heat makes up where the nested stack never came to be.
            return super()._parse_child_template(child_template, child_env)
        parsed = ToscaTemplate.from_text(
            child_template,
            name=f'{self.stack.name}-{self.name}',
            files=self.child_template_files(child_env),
            env=child_env,
        )
        # During validation of an update, this object is new and does not
        # know its nested stack; the parent's rows do.
        parsed.follows = self.resource_id or stored.nested_stack_id(
            self.stack.identifier(), self.name
        )
        return parsed

    def _parse_nested_stack(self, *args: Any, **kwargs: Any) -> Any:
        nested = super()._parse_nested_stack(*args, **kwargs)
        # Heat counted the resources before there were any.
        self._validate_nested_resources(nested.t)
        return nested

    def _resolve_attribute(self, name: str) -> Any:
        if name != self.OUTPUTS:
            return None
        nested = self.nested()
        return {
            key: self.get_output(key)
            for key in (nested.outputs if nested else ())
        }
