# SPDX-License-Identifier: Apache-2.0

"""A node of Ironic that is its HTTP answers."""

NODES = 'https://ironic.test/v1/nodes'


class Node:
    """A node of an Ironic that takes a while.

    :param follow: is told whether it is on, whenever that changes.
    """

    def __init__(
        self,
        mock,
        name,
        *,
        is_soft_possible=True,
        follow=lambda is_on: None,
    ):
        self._follow = follow
        self.state = 'power on'
        self.target = None
        self.error = None
        self.asked = []
        self.is_busy = False
        self._is_soft_possible = is_soft_possible
        mock.get(f'{NODES}/{name}', json=self._show)
        mock.put(f'{NODES}/{name}/states/power', json=self._set)

    def _show(self, request, _context):
        assert request.headers['OpenStack-API-Version'] == 'baremetal 1.27'
        shown = {
            'power_state': self.state,
            'target_power_state': self.target,
            'last_error': self.error,
        }
        if self.target == 'soft power off' and not self._is_soft_possible:
            self.target, self.error = None, 'timeout'
        elif self.target:
            is_on = self.target == 'power on'
            self.state = 'power on' if is_on else 'power off'
            self.target = None
            self._follow(is_on)
        return shown

    def _set(self, request, context):
        if self.is_busy:
            context.status_code = 409
            return {'error_message': 'locked'}
        self.asked.append(request.json()['target'])
        self.target, self.error = self.asked[-1], None
        context.status_code = 202
        return {}
