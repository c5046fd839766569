// One part: its identity, its rights, its place for the host's blobs and its Function App.
@description('single, or one of the parts of a split deployment; see ../parts.json.')
@allowed(['single', 'intake', 'worker', 'wiper'])
param part string

@description('Name of the azd service that is deployed to this app.')
param serviceName string
param token string
param location string
param tags object

@description('The account with the queues and tables.')
param dataAccountName string
param keyVaultName string
param applicationInsightsName string
param applicationInsightsConnectionString string

@allowed([512, 2048, 4096])
param instanceMemoryMB int

@minValue(1)
@maxValue(1000)
param maximumInstanceCount int
param mode string
param clientStateUri string
param clientStatePreviousUri string

@description('Where Microsoft Graph sends its notifications; empty: to this app.')
param notificationUrl string = ''
param settings object

@description('Namespace of the Event Hub that this part listens to; empty: there is none, or it does not.')
param eventHubNamespaceName string = ''

@description('Subnet of the app; empty: it has no virtual network.')
param subnetId string = ''

@description('Application (client) id of the app registration that people sign in to; empty: nobody can.')
param signInClientId string = ''

var partsTable = loadJsonContent('../parts.json')
var own = partsTable[part]
var suffix = part == 'single' ? '' : '-${part}'

// Owning the host's blobs is owning the app: they hold its package and its keys. So each part has an account of its own.
var hostAccountName = part == 'single' ? dataAccountName : hostStorage!.outputs.name

module identity 'identity.bicep' = {
  name: 'identity${suffix}'
  params: {
    name: 'id-handover${suffix}-${token}'
    location: location
    tags: tags
  }
}

module hostStorage 'storage.bicep' = if (part != 'single') {
  name: 'hoststorage${suffix}'
  params: {
    name: 'st${part}${token}'
    location: location
    tags: tags
    queues: []
    tables: []
  }
}

module rbac 'rbac.bicep' = {
  name: 'rbac${suffix}'
  params: {
    principalId: identity.outputs.principalId
    wholeAccount: part == 'single'
    processes: own.processes
    sends: own.sends
    tables: own.tables
    readsClientState: own.readsClientState
    eventHubNamespaceName: eventHubNamespaceName
    dataAccountName: dataAccountName
    hostAccountName: hostAccountName
    keyVaultName: keyVaultName
    applicationInsightsName: applicationInsightsName
  }
}

module function 'function.bicep' = {
  name: 'function${suffix}'
  params: {
    name: 'func-handover${suffix}-${token}'
    planName: 'plan-handover${suffix}-${token}'
    serviceName: serviceName
    part: part
    disabledFunctions: filter(partsTable.single.functions, name => !contains(own.functions, name))
    location: location
    tags: tags
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    dataAccountName: dataAccountName
    hostAccountName: hostAccountName
    packageContainerName: 'app-package'
    applicationInsightsConnectionString: applicationInsightsConnectionString
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    mode: mode
    clientStateUri: own.readsClientState ? clientStateUri : ''
    clientStatePreviousUri: own.readsClientState ? clientStatePreviousUri : ''
    notificationUrl: notificationUrl
    settings: settings
    eventHubNamespaceName: eventHubNamespaceName
    subnetId: subnetId
  }
  // the app reads its package, its secret and its triggers' state with these rights from its first start on
  dependsOn: [rbac]
}

// only where the API and the console are: the webhook alone and the wiper answer no person
module signIn 'signin.bicep' = if (!empty(signInClientId) && (part == 'single' || part == 'worker')) {
  name: 'signin${suffix}'
  params: {
    appName: function.outputs.name
    clientId: signInClientId
  }
}

output name string = function.outputs.name
output host string = function.outputs.host
output notificationUrl string = function.outputs.notificationUrl
output principalId string = identity.outputs.principalId
output clientId string = identity.outputs.clientId
