#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# DevStack plugin: ECRAE beside nova-scheduler, nova-api and Heat.

ECRAE_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=devstack/lib/ecrae
source "$ECRAE_DIR/devstack/lib/ecrae"

if is_service_enabled ecrae; then
    case "$1 $2" in
        "stack pre-install") preinstall_ecrae ;;
        "stack install") install_ecrae ;;
        "stack post-config")
            configure_ecrae
            init_ecrae
            ;;
        "stack extra")
            create_ecrae_flavors
            start_ecrae
            ;;
        "stack test-config")
            configure_ecrae_tempest
            check_ecrae
            ;;
        "unstack ") stop_ecrae ;;
        "clean ") cleanup_ecrae ;;
    esac
fi
