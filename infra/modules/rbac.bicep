// What the identity of one part may do with the resources of its group, and nothing more. Rights in Microsoft Graph are
// app roles, not Azure roles: see ../graph/main.bicep.
@description('Object id of the identity.')
param principalId string

@description('Rights on all queues and tables of the account, as a single app has them; else on the named ones only.')
param wholeAccount bool

@description('Queues whose messages it takes; it takes those of the -poison queues, too.')
param processes array

@description('Queues that it may only send to.')
param sends array

@description('Tables that it reads and writes.')
param tables array

@description('Whether it checks or makes subscriptions, and so needs the secret.')
param readsClientState bool

@description('Namespace of the Event Hub that it listens to; empty: to none.')
param eventHubNamespaceName string
param dataAccountName string
param hostAccountName string
param keyVaultName string
param applicationInsightsName string

// Ids of Azure's built-in roles, the same in every tenant.
var blobDataOwner = 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b' // the Functions host keeps leases and timer states, and needs the owner role for them
var queueDataContributor = '974c5e8b-45b9-4653-ba55-5f855dd0fb88'
var queueMessageSender = 'c6a89b2d-59bc-44d0-9896-0f6e12d7b80a'
var tableDataContributor = '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3'
var keyVaultSecretsUser = '4633458b-17de-408a-b874-0445c86b69e6'
var eventHubsDataReceiver = 'a638d3c7-ab3a-418d-83e6-5f17a39d4fde'
var monitoringMetricsPublisher = '3913510d-42f4-4e42-8a64-420c390055eb'

var ofAccount = wholeAccount ? [queueDataContributor, tableDataContributor] : []
var taken = concat(processes, map(processes, queue => '${queue}-poison'))
var ofQueues = wholeAccount
  ? []
  : concat(
      map(taken, queue => { name: queue, role: queueDataContributor }),
      map(sends, queue => { name: queue, role: queueMessageSender })
    )
var ofTables = wholeAccount ? [] : tables

resource hostAccount 'Microsoft.Storage/storageAccounts@2025-01-01' existing = {
  name: hostAccountName
}

resource dataAccount 'Microsoft.Storage/storageAccounts@2025-01-01' existing = {
  name: dataAccountName
}

resource queue 'Microsoft.Storage/storageAccounts/queueServices/queues@2025-01-01' existing = [
  for given in ofQueues: {
    name: '${dataAccountName}/default/${given.name}'
  }
]

resource table 'Microsoft.Storage/storageAccounts/tableServices/tables@2025-01-01' existing = [
  for tableName in ofTables: {
    name: '${dataAccountName}/default/${tableName}'
  }
]

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' existing = {
  name: keyVaultName
}

resource eventHubs 'Microsoft.EventHub/namespaces@2024-01-01' existing = if (!empty(eventHubNamespaceName)) {
  name: empty(eventHubNamespaceName) ? 'none' : eventHubNamespaceName
}

resource applicationInsights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: applicationInsightsName
}

// principalType is always given: without it the assignment fails while a new identity is not yet known everywhere.
resource onBlobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(hostAccount.id, principalId, blobDataOwner)
  scope: hostAccount
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobDataOwner)
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}

resource onAccount 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for role in ofAccount: {
    name: guid(dataAccount.id, principalId, role)
    scope: dataAccount
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role)
      principalId: principalId
      principalType: 'ServicePrincipal'
    }
  }
]

resource onQueue 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (given, i) in ofQueues: {
    name: guid(dataAccount.id, given.name, principalId, given.role)
    scope: queue[i]
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', given.role)
      principalId: principalId
      principalType: 'ServicePrincipal'
    }
  }
]

resource onTable 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (tableName, i) in ofTables: {
    name: guid(dataAccount.id, 'table', tableName, principalId, tableDataContributor)
    scope: table[i]
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', tableDataContributor)
      principalId: principalId
      principalType: 'ServicePrincipal'
    }
  }
]

resource onVault 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (readsClientState) {
  name: guid(vault.id, principalId, keyVaultSecretsUser)
  scope: vault
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', keyVaultSecretsUser)
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}

resource onEventHubs 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(eventHubNamespaceName)) {
  name: guid(eventHubs.id, principalId, eventHubsDataReceiver)
  scope: eventHubs
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', eventHubsDataReceiver)
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}

resource onTelemetry 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(applicationInsights.id, principalId, monitoringMetricsPublisher)
  scope: applicationInsights
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', monitoringMetricsPublisher)
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}
