#!/bin/sh
# Gives the identities of the deployment their app roles in Microsoft Graph: those of ../graph-roles.json that the mode
# needs. Repeating it changes nothing. It needs an administrator who may grant application permissions; for anybody
# else it says what to ask for, and succeeds: the deployment is complete without it, only blind.
#
# MI_SINGLE, or MI_WORKER and MI_WIPER: object ids, outputs of main.bicep. GRANTS: overrides what follows from the mode.
set -eu

table=$(dirname "$0")/../graph-roles.json
graph=${GRAPH_BASE_URL:-https://graph.microsoft.com}
graph=${graph%/}/v1.0
tries=${GRANT_TRIES:-6}
pause=${GRANT_PAUSE_SECONDS:-10}
errors=$(mktemp)
trap 'rm -f "$errors"' EXIT

grants() {
    if [ -n "${GRANTS:-}" ]; then
        echo "$GRANTS"
        return
    fi
    wanted=report
    case "${HANDOVER_MODE:-report}" in approve | auto) wanted="$wanted remediate" ;; esac
    if [ -n "${HANDOVER_USAGE_LOCATION:-}${HANDOVER_LICENCE_GROUP:-}" ]; then wanted="$wanted usageLocation"; fi
    if [ -n "${HANDOVER_LICENCE_GROUP:-}${HANDOVER_EXCLUSION_GROUP:-}${HANDOVER_ENROLMENT_ATTESTED_GROUPS:-}" ]; then
        wanted="$wanted groups"
    else
        case "${HANDOVER_SUBSCRIBE_TO:-} ${HANDOVER_TENANT_DRIFT:-}" in *groups/* | *" true" | *" True" | *" TRUE" | *" 1") wanted="$wanted groups" ;; esac
    fi
    if [ "${HANDOVER_BITLOCKER_KEY:-}" = require ]; then wanted="$wanted recoveryKeys"; fi
    case "${HANDOVER_EXPECT_MULTI_ADMIN_APPROVAL:-}" in true | True | TRUE | 1) wanted="$wanted approvalPolicies" ;; esac
    if [ -n "${HANDOVER_LICENCE_GROUP:-}" ]; then wanted="$wanted licenceGroup"; fi
    if [ -n "${HANDOVER_MAIL_FROM:-}" ]; then wanted="$wanted mail"; fi
    echo "$wanted"
}

# Lines "ID NAME" of the roles of one part. The table is read line by line, so that neither jq nor Python is needed.
roles_of() {
    for grant in $(grants); do
        awk -v grant="$grant" -v part="$1" '
            /^  "/ { split($0, word, "\""); inside = (word[2] == grant) }
            /^    "/ { split($0, word, "\""); name = word[2] }
            /^      "id"/ { split($0, word, "\""); id = word[4] }
            /^      "parts"/ && inside && (part == "single" || index($0, "\"" part "\"")) { print id, name }
        ' "$table"
    done
}

ask() {
    az rest --only-show-errors "$@" 2>"$errors"
}

forbidden() {
    grep -Eq 'Forbidden|Authorization_RequestDenied|\(403\)|Insufficient privileges' "$errors"
}

tell_administrator() {
    echo "You may not grant application permissions in Microsoft Graph. Ask a Privileged Role Administrator to run:"
    echo "    GRANTS='$(grants)' MI_SINGLE='${MI_SINGLE:-}' MI_WORKER='${MI_WORKER:-}' MI_WIPER='${MI_WIPER:-}' sh infra/scripts/grant-graph-roles.sh"
    echo "Until then Handover runs, and sees nothing."
    exit 0
}

# A new identity is not known everywhere at once: 400 and 404 are asked again, with longer and longer pauses.
insist() {
    try=1
    wait=$pause
    until ask "$@"; do
        if forbidden; then return 3; fi
        if [ "$try" -ge "$tries" ] || ! grep -Eq 'Bad Request|Request_BadRequest|Not Found|Request_ResourceNotFound|\((400|404)\)' "$errors"; then
            cat "$errors" >&2
            return 1
        fi
        sleep "$wait"
        try=$((try + 1))
        wait=$((wait * 2))
    done
}

# $1: name of the part, $2: object id of its identity
grant_part() {
    part=$1
    identity=$2
    status=0
    held=$(insist --method GET --uri "$graph/servicePrincipals/$identity/appRoleAssignments" \
        --query "value[?resourceId=='$resource'].appRoleId" --output tsv) || status=$?
    if [ "$status" -eq 3 ]; then tell_administrator; fi
    if [ "$status" -ne 0 ]; then exit "$status"; fi
    wanted=$(roles_of "$part")
    echo "$wanted" | while read -r id name; do
        if [ -z "$id" ]; then continue; fi
        if echo "$held" | grep -qi "$id"; then
            echo "$part already has $name"
            continue
        fi
        status=0
        insist --method POST --uri "$graph/servicePrincipals/$identity/appRoleAssignments" \
            --headers Content-Type=application/json \
            --body "{\"principalId\":\"$identity\",\"resourceId\":\"$resource\",\"appRoleId\":\"$id\"}" >/dev/null || status=$?
        if [ "$status" -ne 0 ]; then exit "$status"; fi
        echo "$part now has $name"
    done || {
        status=$?
        if [ "$status" -eq 3 ]; then tell_administrator; fi
        exit "$status"
    }
    for id in $held; do
        if ! echo "$wanted" | grep -qi "$id"; then
            name=$(awk -v id="$id" '/^    "/ { split($0, word, "\""); name = word[2] } index($0, id) { print name }' "$table")
            echo "$part has a role that it does not need now: ${name:-unknown} ($id). Nothing was taken away."
        fi
    done
}

if [ -z "${MI_SINGLE:-}${MI_WORKER:-}${MI_WIPER:-}" ]; then
    echo "No identity is named: MI_SINGLE, MI_WORKER and MI_WIPER are empty." >&2
    exit 1
fi
status=0
# Microsoft Graph itself, the same application id in every tenant
resource=$(insist --method GET --uri "$graph/servicePrincipals(appId='00000003-0000-0000-c000-000000000000')" \
    --query id --output tsv) || status=$?
if [ "$status" -eq 3 ]; then tell_administrator; fi
if [ "$status" -ne 0 ]; then exit "$status"; fi

if [ -n "${MI_SINGLE:-}" ]; then grant_part single "$MI_SINGLE"; fi
if [ -n "${MI_WORKER:-}" ]; then grant_part worker "$MI_WORKER"; fi
if [ -n "${MI_WIPER:-}" ]; then grant_part wiper "$MI_WIPER"; fi
