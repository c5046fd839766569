#!/bin/sh
# Before the first deployment: makes the secret that Microsoft Graph repeats in every notification, and keeps it in the
# azd environment. An existing one is left alone: every change breaks the subscriptions that are alive.
set -eu

# azd hands its environment to hooks; a value that is not there yet is empty
if [ -n "${HANDOVER_CLIENT_STATE:-}" ]; then
    exit 0
fi
secret=$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')
azd env set HANDOVER_CLIENT_STATE "$secret"
echo "Made the secret of the notifications (HANDOVER_CLIENT_STATE)."
