# Before the first deployment: makes the secret that Microsoft Graph repeats in every notification, and keeps it in the
# azd environment. An existing one is left alone: every change breaks the subscriptions that are alive.
$ErrorActionPreference = 'Stop'

# azd hands its environment to hooks; a value that is not there yet is empty
if ($env:HANDOVER_CLIENT_STATE) { exit 0 }
$bytes = New-Object byte[] 32
[System.Security.Cryptography.RandomNumberGenerator]::Create().GetBytes($bytes)
$secret = -join ($bytes | ForEach-Object { $_.ToString('x2') })
azd env set HANDOVER_CLIENT_STATE $secret
if ($LASTEXITCODE -ne 0) { exit $LASTEXITCODE }
Write-Output 'Made the secret of the notifications (HANDOVER_CLIENT_STATE).'
