# SPDX-License-Identifier: Apache-2.0

from oslo_service import backend


if backend.get_backend_type() is None:
    # As heat-engine itself does before it imports anything else.
    backend.init_backend(backend.BackendType.THREADING)
