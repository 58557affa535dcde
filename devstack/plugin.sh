#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# DevStack plugin: ECRAE beside nova-scheduler, nova-api and Heat.

ECRAE_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
ECRAE_CONF=$ECRAE_CONF_DIR/ecrae.conf

function install_ecrae {
    setup_develop "$ECRAE_DIR"
    pip_install PyMySQL keystoneauth1 openstacksdk python-novaclient \
        python-heatclient oslo.upgradecheck
}

# Class of a filter by its name in ECRAE_FILTERS.
function ecrae_filter_class {
    case "$1" in
        tag) echo EcraeTagFilter ;;
        drain) echo EcraeDrainFilter ;;
        power_cap) echo EcraePowerCapFilter ;;
        *) die $LINENO "ECRAE_FILTERS: no filter $1; use tag, drain, power_cap" ;;
    esac
}

# Add to a comma-separated option what it lacks, and keep what it has.
function ecrae_append {
    local file=$1 section=$2 option=$3 value=$4 default=$5 present
    present=$(iniget "$file" "$section" "$option")
    present=${present:-$default}
    if [[ ",$present," != *",$value,"* ]]; then
        iniset "$file" "$section" "$option" "${present:+$present,}$value"
    fi
}

function configure_ecrae_scheduler {
    local name class all=nova.scheduler.filters.all_filters
    local section=filter_scheduler
    local defaults=ComputeFilter,ComputeCapabilitiesFilter
    defaults+=,ImagePropertiesFilter,ServerGroupAntiAffinityFilter
    defaults+=,ServerGroupAffinityFilter
    if [[ -z $(iniget_multiline "$NOVA_CONF" $section available_filters) ]]; then
        iniadd_literal "$NOVA_CONF" $section available_filters $all
    fi
    for name in $ECRAE_FILTERS; do
        class=$(ecrae_filter_class "$name")
        if ! grep -q "${name}_filter.$class" "$NOVA_CONF"; then
            iniadd_literal "$NOVA_CONF" $section available_filters \
                "ecrae.scheduler_filters.${name}_filter.$class"
        fi
        ecrae_append "$NOVA_CONF" $section enabled_filters "$class" "$defaults"
    done
    ecrae_append "$NOVA_CONF" $section weight_classes \
        ecrae.scheduler_filters.energy_weigher.EcraeEnergyWeigher \
        nova.scheduler.weights.all_weighers
}

# Credentials by which ECRAE looks at the cloud.
function configure_ecrae_cloud {
    local file=$1
    iniset "$file" ecrae_cloud auth_type password
    iniset "$file" ecrae_cloud auth_url "$KEYSTONE_SERVICE_URI"
    iniset "$file" ecrae_cloud username ecrae
    iniset "$file" ecrae_cloud password "$SERVICE_PASSWORD"
    iniset "$file" ecrae_cloud project_name "$SERVICE_PROJECT_NAME"
    iniset "$file" ecrae_cloud user_domain_name "$SERVICE_DOMAIN_NAME"
    iniset "$file" ecrae_cloud project_domain_name "$SERVICE_DOMAIN_NAME"
    iniset "$file" ecrae_cloud region_name "$REGION_NAME"
    iniset "$file" ecrae_cloud interface public
}

function configure_ecrae {
    local file url
    url=$(database_connection_url ecrae)
    sudo install -d -o "$STACK_USER" "$ECRAE_CONF_DIR"
    create_service_user ecrae admin
    for file in "$ECRAE_CONF" "$NOVA_CONF" "${HEAT_CONF:-}"; do
        [[ -n "$file" ]] || continue
        touch "$file"
        iniset "$file" ecrae_database connection "$url"
        configure_ecrae_cloud "$file"
    done
    configure_ecrae_scheduler
    if [[ -n "${HEAT_CONF:-}" ]]; then
        ecrae_append "$HEAT_CONF" DEFAULT plugin_dirs \
            "$ECRAE_DIR/ecrae/deployer/heat/resources" \
            /usr/lib64/heat,/usr/lib/heat
    fi
}

function init_ecrae {
    local hosts
    recreate_database ecrae
    ecrae-manage --config-file "$ECRAE_CONF" db sync
    ecrae-manage --config-file "$ECRAE_CONF" kb import --builtin
    if [[ -n "$ECRAE_NODE_TYPE" ]]; then
        hosts="{ecrae_knowledge: 1, hosts: {$(hostname): {node_type: $ECRAE_NODE_TYPE}}}"
        echo "$hosts" | ecrae-manage --config-file "$ECRAE_CONF" kb import -
    fi
}

if is_service_enabled ecrae; then
    case "$1" in
        stack)
            case "$2" in
                install)
                    install_ecrae
                    ;;
                post-config)
                    configure_ecrae
                    init_ecrae
                    ;;
            esac
            ;;
        clean)
            sudo rm -rf "$ECRAE_CONF_DIR"
            ;;
    esac
fi
