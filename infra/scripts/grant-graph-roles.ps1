# Gives the identities of the deployment their app roles in Microsoft Graph: those of ../graph-roles.json that the mode
# needs. Repeating it changes nothing. It needs an administrator who may grant application permissions; for anybody
# else it says what to ask for, and succeeds: the deployment is complete without it, only blind.
#
# MI_SINGLE, or MI_WORKER and MI_WIPER: object ids, outputs of main.bicep. GRANTS: overrides what follows from the mode.
$ErrorActionPreference = 'Stop'
if (Test-Path variable:PSNativeCommandUseErrorActionPreference) { $PSNativeCommandUseErrorActionPreference = $false }

$table = Get-Content -Raw (Join-Path $PSScriptRoot '../graph-roles.json') | ConvertFrom-Json
$base = if ($env:GRAPH_BASE_URL) { $env:GRAPH_BASE_URL.TrimEnd('/') } else { 'https://graph.microsoft.com' }
$graph = "$base/v1.0"
$tries = if ($env:GRANT_TRIES) { [int]$env:GRANT_TRIES } else { 6 }
$pause = if ($env:GRANT_PAUSE_SECONDS) { [int]$env:GRANT_PAUSE_SECONDS } else { 10 }

$grants = @('report')
if ($env:HANDOVER_MODE -in 'approve', 'auto') { $grants += 'remediate' }
if ($env:HANDOVER_USAGE_LOCATION -or $env:HANDOVER_LICENCE_GROUP) { $grants += 'usageLocation' }
if ($env:HANDOVER_SUBSCRIBE_TO -like '*groups/*' -or $env:HANDOVER_LICENCE_GROUP -or $env:HANDOVER_EXCLUSION_GROUP -or $env:HANDOVER_ENROLMENT_ATTESTED_GROUPS -or $env:HANDOVER_TENANT_DRIFT -in 'true', '1') { $grants += 'groups' }
if ($env:HANDOVER_BITLOCKER_KEY -eq 'require') { $grants += 'recoveryKeys' }
if ($env:HANDOVER_EXPECT_MULTI_ADMIN_APPROVAL -in 'true', '1') { $grants += 'approvalPolicies' }
if ($env:HANDOVER_LICENCE_GROUP) { $grants += 'licenceGroup' }
if ($env:HANDOVER_MAIL_FROM) { $grants += 'mail' }
if ($env:GRANTS) { $grants = $env:GRANTS -split '\s+' }

function Stop-ForAdministrator {
    Write-Output 'You may not grant application permissions in Microsoft Graph. Ask a Privileged Role Administrator to run:'
    Write-Output "    GRANTS='$($grants -join ' ')' MI_SINGLE='$env:MI_SINGLE' MI_WORKER='$env:MI_WORKER' MI_WIPER='$env:MI_WIPER' sh infra/scripts/grant-graph-roles.sh"
    Write-Output 'Until then Handover runs, and sees nothing.'
    exit 0
}

# A new identity is not known everywhere at once: 400 and 404 are asked again, with longer and longer pauses.
function Invoke-Graph([string[]]$Arguments) {
    $wait = $pause
    for ($try = 1; ; $try++) {
        $ErrorActionPreference = 'Continue'
        $said = & az rest --only-show-errors @Arguments 2>&1
        $code = $LASTEXITCODE
        $ErrorActionPreference = 'Stop'
        if ($code -eq 0) { return ($said | Out-String) | ConvertFrom-Json }
        $text = $said | Out-String
        if ($text -match 'Forbidden|Authorization_RequestDenied|\(403\)|Insufficient privileges') { throw 'forbidden' }
        if ($try -ge $tries -or $text -notmatch 'Bad Request|Request_BadRequest|Not Found|Request_ResourceNotFound|\((400|404)\)') { throw $text }
        Start-Sleep -Seconds $wait
        $wait *= 2
    }
}

function Grant-Part([string]$Part, [string]$Identity, [string]$Resource) {
    $uri = "$graph/servicePrincipals/$Identity/appRoleAssignments"
    $answer = Invoke-Graph @('--method', 'GET', '--uri', $uri)
    $held = @($answer.value | Where-Object { $_.resourceId -eq $Resource } | ForEach-Object { $_.appRoleId })
    $wanted = @{}
    foreach ($grant in $grants) {
        foreach ($role in $table.$grant.PSObject.Properties) {
            if ($Part -eq 'single' -or $role.Value.parts -contains $Part) { $wanted[$role.Value.id] = $role.Name }
        }
    }
    foreach ($id in $wanted.Keys) {
        if ($held -contains $id) { Write-Output "$Part already has $($wanted[$id])"; continue }
        # a file, because quotes in arguments do not survive every PowerShell
        $file = New-TemporaryFile
        @{ principalId = $Identity; resourceId = $Resource; appRoleId = $id } | ConvertTo-Json -Compress | Set-Content -Path $file -Encoding ascii
        try { $null = Invoke-Graph @('--method', 'POST', '--uri', $uri, '--headers', 'Content-Type=application/json', '--body', "@$file") }
        finally { Remove-Item $file }
        Write-Output "$Part now has $($wanted[$id])"
    }
    foreach ($id in $held) {
        if (-not $wanted.ContainsKey($id)) { Write-Output "$Part has a role that it does not need now: $id. Nothing was taken away." }
    }
}

if (-not ($env:MI_SINGLE -or $env:MI_WORKER -or $env:MI_WIPER)) {
    [Console]::Error.WriteLine('No identity is named: MI_SINGLE, MI_WORKER and MI_WIPER are empty.')
    exit 1
}
try {
    # Microsoft Graph itself, the same application id in every tenant
    $resource = (Invoke-Graph @('--method', 'GET', '--uri', "$graph/servicePrincipals(appId='00000003-0000-0000-c000-000000000000')")).id
    if ($env:MI_SINGLE) { Grant-Part 'single' $env:MI_SINGLE $resource }
    if ($env:MI_WORKER) { Grant-Part 'worker' $env:MI_WORKER $resource }
    if ($env:MI_WIPER) { Grant-Part 'wiper' $env:MI_WIPER $resource }
}
catch {
    if ("$_" -eq 'forbidden') { Stop-ForAdministrator }
    throw
}
