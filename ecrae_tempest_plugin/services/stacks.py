# SPDX-License-Identifier: Apache-2.0

"""As much of Heat's API as tagged applications need."""

import json
import time
from typing import Any

from tempest.lib import exceptions
from tempest.lib.common import rest_client


class StacksClient(rest_client.RestClient):
    """Stacks by name or ID."""

    def create_stack(self, name: str, template: str, **rest: Any) -> str:
        """Ask for a stack; returns its ID."""
        body = json.dumps({'stack_name': name, 'template': template, **rest})
        _, answer = self.post('stacks', body)
        stack_id: str = json.loads(answer)['stack']['id']
        return stack_id

    def update_stack(self, stack_id: str, template: str, **rest: Any) -> None:
        """Ask for a change of a stack."""
        name = self.show_stack(stack_id)['stack_name']
        body = json.dumps({'template': template, **rest})
        response, _ = self.put(f'stacks/{name}/{stack_id}', body)
        self.expected_success(202, response.status)

    def show_stack(self, stack_id: str) -> dict[str, Any]:
        """A stack's fields.

        :raises NotFound: it does not exist.
        """
        # Heat answers with the place of the stack, and a body-less client
        # follows it.
        _, answer = self.get(f'stacks/{stack_id}')
        stack: dict[str, Any] = json.loads(answer)['stack']
        return stack

    def list_servers(self, stack_id: str) -> dict[str, str]:
        """IDs of the stack's servers by the names of their resources."""
        name = self.show_stack(stack_id)['stack_name']
        _, answer = self.get(
            f'stacks/{name}/{stack_id}/resources?nested_depth=2'
        )
        return {
            each['resource_name']: each['physical_resource_id']
            for each in json.loads(answer)['resources']
            if each['resource_type'] == 'OS::Nova::Server'
        }

    def show_template(self, stack_id: str) -> dict[str, Any]:
        """The template as Heat keeps it."""
        name = self.show_stack(stack_id)['stack_name']
        _, answer = self.get(f'stacks/{name}/{stack_id}/template')
        template: dict[str, Any] = json.loads(answer)
        return template

    def delete_stack(self, stack_id: str) -> None:
        """Ask for the end of a stack."""
        name = self.show_stack(stack_id)['stack_name']
        self.delete(f'stacks/{name}/{stack_id}')

    def wait_for_stack(self, stack_id: str) -> dict[str, Any]:
        """The stack once nothing is going on with it.

        :raises TimeoutException: that takes longer than ``build_timeout``.
        """
        deadline = time.monotonic() + self.build_timeout
        while True:
            stack = self.show_stack(stack_id)
            if not stack['stack_status'].endswith('_IN_PROGRESS'):
                return stack
            if time.monotonic() > deadline:
                raise exceptions.TimeoutException(
                    f'stack {stack_id} is {stack["stack_status"]} after '
                    f'{self.build_timeout} s'
                )
            time.sleep(self.build_interval)

    def is_resource_deleted(self, id: str) -> bool:
        """Whether a stack is gone.

        :raises DeleteErrorException: Heat could not delete it.
        """
        try:
            stack = self.show_stack(id)
        except exceptions.NotFound:
            return True
        if stack['stack_status'] == 'DELETE_FAILED':
            raise exceptions.DeleteErrorException(resource_id=id, server_id=id)
        return bool(stack['stack_status'] == 'DELETE_COMPLETE')

    @property
    def resource_type(self) -> str:
        """What the client is of."""
        return 'stack'
