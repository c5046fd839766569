// Everything that Handover needs on Azure, in one resource group: `azd up`, or
// `az deployment sub create --location LOCATION --template-file infra/main.bicep --parameters ...`.
// The permissions on Microsoft Graph are not granted here but by an administrator: see graph/main.bicep.
targetScope = 'subscription'

@description('Name of the azd environment; names and tags are made from it.')
@minLength(1)
@maxLength(64)
param environmentName string

@description('Azure region; it must offer Flex Consumption.')
@minLength(1)
@metadata({ azd: { type: 'location' } })
param location string

@description('How far Handover may go.')
@allowed(['off', 'report', 'approve', 'auto'])
param mode string = 'report'

@description('Secret that Microsoft Graph repeats in every notification. Make it once and keep it: every change breaks the subscriptions that are alive.')
@secure()
@minLength(16)
@maxLength(128)
param clientState string

@description('The secret before the last rotation, accepted as well until no subscription carries it any more.')
@secure()
@maxLength(128)
param clientStatePrevious string = ''

@description('More app settings by their names (HANDOVER_...), winning over the defaults; empty values are left out. Settings made elsewhere, as in the portal, are removed by the next deployment.')
param settings object = {}

@description('Memory of one instance in MB.')
@allowed([512, 2048, 4096])
param instanceMemoryMB int = 512

@description('At most this many instances, and so the most that a flood can cost.')
@minValue(40)
@maxValue(1000)
param maximumInstanceCount int = 40

// The names are those of shared/names.py; each queue also gets its -poison queue.
var queues = ['device-events', 'hints', 'case-steps']
var tables = ['cases', 'worklist', 'ledgers', 'parked']

var token = toLower(uniqueString(subscription().id, environmentName, location))
var tags = { 'azd-env-name': environmentName }

resource group 'Microsoft.Resources/resourceGroups@2024-11-01' = {
  name: 'rg-${environmentName}'
  location: location
  tags: tags
}

module identity 'modules/identity.bicep' = {
  name: 'identity'
  scope: group
  params: {
    name: 'id-handover-${token}'
    location: location
    tags: tags
  }
}

module storage 'modules/storage.bicep' = {
  name: 'storage'
  scope: group
  params: {
    name: 'sthandover${token}'
    location: location
    tags: tags
    queues: queues
    tables: tables
  }
}

module keyVault 'modules/keyvault.bicep' = {
  name: 'keyvault'
  scope: group
  params: {
    name: 'kv-${token}'
    location: location
    tags: tags
    clientState: clientState
    clientStatePrevious: clientStatePrevious
  }
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  scope: group
  params: {
    workspaceName: 'log-handover-${token}'
    applicationInsightsName: 'appi-handover-${token}'
    location: location
    tags: tags
  }
}

module rbac 'modules/rbac.bicep' = {
  name: 'rbac'
  scope: group
  params: {
    principalId: identity.outputs.principalId
    storageAccountName: storage.outputs.name
    keyVaultName: keyVault.outputs.name
    applicationInsightsName: monitoring.outputs.applicationInsightsName
  }
}

module function 'modules/function.bicep' = {
  name: 'function'
  scope: group
  params: {
    name: 'func-handover-${token}'
    planName: 'plan-handover-${token}'
    location: location
    tags: tags
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    storageAccountName: storage.outputs.name
    packageContainerName: storage.outputs.packageContainerName
    applicationInsightsConnectionString: monitoring.outputs.connectionString
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    mode: mode
    clientStateUri: keyVault.outputs.clientStateUri
    clientStatePreviousUri: keyVault.outputs.clientStatePreviousUri
    settings: settings
  }
  // the app reads its package, its secret and its triggers' state with these rights from its first start on
  dependsOn: [rbac]
}

output AZURE_LOCATION string = location
output AZURE_TENANT_ID string = tenant().tenantId
output AZURE_RESOURCE_GROUP string = group.name
output AZURE_FUNCTION_NAME string = function.outputs.name
output AZURE_FUNCTION_HOST string = function.outputs.host
output NOTIFICATION_URL string = function.outputs.notificationUrl
output MI_PRINCIPAL_ID string = identity.outputs.principalId
output MI_CLIENT_ID string = identity.outputs.clientId
output STORAGE_ACCOUNT string = storage.outputs.name
output KEY_VAULT_NAME string = keyVault.outputs.name
output APPLICATIONINSIGHTS_NAME string = monitoring.outputs.applicationInsightsName
