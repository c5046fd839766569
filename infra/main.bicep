// Everything that Handover needs on Azure, in one resource group: `azd up`, or
// `az deployment sub create --location LOCATION --template-file infra/main.bicep --parameters ...`.
// The permissions on Microsoft Graph are not granted here: scripts/grant-graph-roles.sh does it after `azd up`, or an
// administrator does it with graph/main.bicep.
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

@description('single: one app with every permission. split: webhook, worker and wiper are apps with an identity each, and only the wiper may wipe.')
@allowed(['single', 'split'])
param layout string = 'single'

@description('Where alerts are mailed to; empty: there are no alerts.')
param alertEmail string = ''

@description('Alert when the month costs more than this, in the currency of the subscription; 0: no budget. Needs alertEmail.')
@minValue(0)
param monthlyBudget int = 0

@description('First day of the month from which the budget counts, as YYYY-MM-01.')
param budgetFrom string = utcNow('yyyy-MM-01')

@description('Application (client) id of the app registration that people sign in to; empty: API and console refuse everybody.')
param signInClientId string = ''

@description('Storage is reached over private endpoints only. Costs about 20 EUR a month.')
param privateNetwork bool = false

@description('An Event Hub that Intune sends its diagnostic logs to. Costs about 20 EUR a month.')
param intuneLogs bool = false

@description('Memory of one instance in MB.')
@allowed([512, 2048, 4096])
param instanceMemoryMB int = 512

@description('At most this many instances, and so the most that a flood can cost.')
@minValue(1)
@maxValue(1000)
param maximumInstanceCount int = 40

// The names are those of shared/names.py; each queue also gets its -poison queue.
var queues = ['device-events', 'hints', 'case-steps', 'wipe-steps', 'notices']
var tables = ['cases', 'worklist', 'ledgers', 'parked', 'subscriptions', 'outbox', 'overview']

var front = layout == 'split' ? 'intake' : 'single'
var otherParts = layout == 'split' ? ['worker', 'wiper'] : []
var token = toLower(uniqueString(subscription().id, environmentName, location))
var tags = { 'azd-env-name': environmentName }

resource group 'Microsoft.Resources/resourceGroups@2024-11-01' = {
  name: 'rg-${environmentName}'
  location: location
  tags: tags
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
    privateOnly: privateNetwork
  }
}

module network 'modules/network.bicep' = if (privateNetwork) {
  name: 'network'
  scope: group
  params: {
    name: 'vnet-handover-${token}'
    location: location
    tags: tags
    storageAccountName: storage.outputs.name
  }
}

module eventHub 'modules/eventhub.bicep' = if (intuneLogs) {
  name: 'eventhub'
  scope: group
  params: {
    name: 'evhns-handover-${token}'
    location: location
    tags: tags
    hubName: 'intune-logs'
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

module alerts 'modules/alerts.bicep' = if (!empty(alertEmail)) {
  name: 'alerts'
  scope: group
  params: {
    location: location
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    email: alertEmail
  }
}

module workbook 'modules/workbook.bicep' = {
  name: 'workbook'
  scope: group
  params: {
    location: location
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
  }
}

module budget 'modules/budget.bicep' = if (monthlyBudget > 0 && !empty(alertEmail)) {
  name: 'budget'
  scope: group
  params: {
    amount: monthlyBudget
    email: alertEmail
    startDate: budgetFrom
  }
}

// the part that Microsoft Graph calls: the webhook, or everything
module frontApp 'modules/app.bicep' = {
  name: 'app-${front}'
  scope: group
  params: {
    part: front
    serviceName: front == 'single' ? 'api' : front
    token: token
    location: location
    tags: tags
    dataAccountName: storage.outputs.name
    keyVaultName: keyVault.outputs.name
    applicationInsightsName: monitoring.outputs.applicationInsightsName
    applicationInsightsConnectionString: monitoring.outputs.connectionString
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    mode: mode
    clientStateUri: keyVault.outputs.clientStateUri
    clientStatePreviousUri: keyVault.outputs.clientStatePreviousUri
    settings: settings
    eventHubNamespaceName: intuneLogs && front == 'single' ? eventHub!.outputs.name : ''
    subnetId: privateNetwork ? network!.outputs.subnetIds[front] : ''
    signInClientId: signInClientId
  }
}

module otherApps 'modules/app.bicep' = [
  for part in otherParts: {
    name: 'app-${part}'
    scope: group
    params: {
      part: part
      serviceName: part
      token: token
      location: location
      tags: tags
      dataAccountName: storage.outputs.name
      keyVaultName: keyVault.outputs.name
      applicationInsightsName: monitoring.outputs.applicationInsightsName
      applicationInsightsConnectionString: monitoring.outputs.connectionString
      instanceMemoryMB: instanceMemoryMB
      maximumInstanceCount: maximumInstanceCount
      mode: mode
      clientStateUri: keyVault.outputs.clientStateUri
      clientStatePreviousUri: keyVault.outputs.clientStatePreviousUri
      notificationUrl: frontApp.outputs.notificationUrl
      settings: settings
      eventHubNamespaceName: intuneLogs && part == 'worker' ? eventHub!.outputs.name : ''
      subnetId: privateNetwork ? network!.outputs.subnetIds[part] : ''
      signInClientId: signInClientId
    }
  }
]

output AZURE_LOCATION string = location
output AZURE_TENANT_ID string = tenant().tenantId
output AZURE_RESOURCE_GROUP string = group.name
output AZURE_FUNCTION_NAME string = frontApp.outputs.name
output AZURE_FUNCTION_HOST string = frontApp.outputs.host
// where people go: API and console
output OPERATOR_HOST string = layout == 'split' ? otherApps[0]!.outputs.host : frontApp.outputs.host
output NOTIFICATION_URL string = frontApp.outputs.notificationUrl
// the identities to grant roles of Microsoft Graph to: object ids, empty where there is none
output MI_SINGLE string = layout == 'single' ? frontApp.outputs.principalId : ''
output MI_WORKER string = layout == 'split' ? otherApps[0]!.outputs.principalId : ''
output MI_WIPER string = layout == 'split' ? otherApps[1]!.outputs.principalId : ''
output STORAGE_ACCOUNT string = storage.outputs.name
output EVENT_HUB_NAMESPACE string = intuneLogs ? eventHub!.outputs.name : ''
output KEY_VAULT_NAME string = keyVault.outputs.name
output APPLICATIONINSIGHTS_NAME string = monitoring.outputs.applicationInsightsName
