// One Function App on a Flex Consumption plan, with its settings. All parts run the same package: which of its functions
// run is decided here.
param name string
param planName string

@description('Name of the azd service that is deployed to this app.')
param serviceName string

@allowed(['single', 'intake', 'worker', 'wiper'])
param part string

@description('Functions that do not run in this part.')
param disabledFunctions array
param location string
param tags object

@description('Resource id of the user-assigned identity.')
param identityId string

@description('Client id of the same identity.')
param identityClientId string

@description('The account with the queues and tables.')
param dataAccountName string

@description('The account with the package, and with the leases and keys of the Functions host.')
param hostAccountName string
param packageContainerName string
param applicationInsightsConnectionString string

@allowed([512, 2048, 4096])
param instanceMemoryMB int

@minValue(1)
@maxValue(1000)
param maximumInstanceCount int

@description('HTTP requests that one instance takes at a time. Unset, a Python app gets 1; a request here only waits for one write to a queue, which those that come together share.')
@minValue(1)
@maxValue(1000)
param httpConcurrency int = 32

param mode string

@description('Secret URI, without a version, of the clientState; empty in a part that needs none.')
param clientStateUri string

@description('Secret URI of the previous clientState; empty when there is none.')
param clientStatePreviousUri string

@description('More app settings, winning over the defaults below; empty values are left out.')
param settings object

@description('Namespace of the Event Hub that it listens to; empty: to none.')
param eventHubNamespaceName string

@description('Where Microsoft Graph sends its notifications; empty: to this app.')
param notificationUrl string

@description('Subnet of the app; empty: it has no virtual network.')
param subnetId string

resource data 'Microsoft.Storage/storageAccounts@2025-01-01' existing = {
  name: dataAccountName
}

resource hostBlobs 'Microsoft.Storage/storageAccounts@2025-01-01' existing = {
  name: hostAccountName
}

resource plan 'Microsoft.Web/serverfarms@2024-11-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: { name: 'FC1', tier: 'FlexConsumption' }
  properties: { reserved: true }
}

resource app 'Microsoft.Web/sites@2024-11-01' = {
  name: name
  location: location
  tags: union(tags, { 'azd-service-name': serviceName })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identityId}': {} }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    keyVaultReferenceIdentity: identityId
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    siteConfig: {
      alwaysOn: false
      minTlsVersion: '1.2'
    }
    functionAppConfig: {
      runtime: { name: 'python', version: '3.13' }
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${hostBlobs.properties.primaryEndpoints.blob}${packageContainerName}'
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: maximumInstanceCount
        triggers: { http: { perInstanceConcurrency: httpConcurrency } }
      }
    }
  }
}

// Publishing with a password: off, only identities deploy.
resource noFtpPassword 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-11-01' = {
  parent: app
  name: 'ftp'
  properties: { allow: false }
}

resource noScmPassword 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-11-01' = {
  parent: app
  name: 'scm'
  properties: { allow: false }
}

var ownNotificationUrl = 'https://${app.properties.defaultHostName}/api/notifications'

var platformSettings = {
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__clientId: identityClientId
  AzureWebJobsStorage__blobServiceUri: hostBlobs.properties.primaryEndpoints.blob
  AzureWebJobsStorage__queueServiceUri: data.properties.primaryEndpoints.queue
  AzureWebJobsStorage__tableServiceUri: data.properties.primaryEndpoints.table
  // a body larger than this is none of Microsoft Graph's, and none of the API's: it never reaches the app
  FUNCTIONS_REQUEST_BODY_SIZE_LIMIT: '2000000'
  APPLICATIONINSIGHTS_CONNECTION_STRING: applicationInsightsConnectionString
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
  // with HANDOVER_TELEMETRY=azure_monitor: no figures about the exporter itself, and no switches of it from elsewhere
  APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL: 'true'
  APPLICATIONINSIGHTS_SDKSTATS_DISABLED: 'true'
  APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED: 'true'
}

var handoverSettings = {
  AZURE_CLIENT_ID: identityClientId
  GRAPH_BASE_URL: 'https://graph.microsoft.com'
  HANDOVER_TENANT_ID: tenant().tenantId
  HANDOVER_PART: part
  HANDOVER_MODE: mode
  HANDOVER_APP_URL: 'https://${app.properties.defaultHostName}'
  HANDOVER_NOTIFICATION_URL: empty(notificationUrl) ? ownNotificationUrl : notificationUrl
}

var secretSettings = empty(clientStateUri)
  ? {}
  : { HANDOVER_CLIENT_STATE: '@Microsoft.KeyVault(SecretUri=${clientStateUri})' }

var rotationSettings = empty(clientStatePreviousUri)
  ? {}
  : { HANDOVER_CLIENT_STATE_PREVIOUS: '@Microsoft.KeyVault(SecretUri=${clientStatePreviousUri})' }

var eventHubSettings = empty(eventHubNamespaceName)
  ? {}
  : {
      HANDOVER_EVENT_HUB: 'intune-logs'
      IntuneLogs__fullyQualifiedNamespace: '${eventHubNamespaceName}.servicebus.windows.net'
      IntuneLogs__credential: 'managedidentity'
      IntuneLogs__clientId: identityClientId
    }

var givenSettings = toObject(
  filter(items(settings), setting => !empty(setting.value)),
  setting => setting.key,
  setting => setting.value
)

var disabledSettings = toObject(disabledFunctions, name => 'AzureWebJobs.${name}.Disabled', name => 'true')

resource appSettings 'Microsoft.Web/sites/config@2024-11-01' = {
  parent: app
  name: 'appsettings'
  properties: union(handoverSettings, secretSettings, rotationSettings, eventHubSettings, givenSettings, disabledSettings, platformSettings)
}

output name string = app.name
output host string = app.properties.defaultHostName
output notificationUrl string = ownNotificationUrl
