// The vault of the one secret: what Microsoft Graph repeats in each notification. In an app setting every reader of
// the configuration would see it.
param name string
param location string
param tags object

@secure()
param clientState string

@secure()
param clientStatePrevious string

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    tenantId: tenant().tenantId
    sku: { family: 'A', name: 'standard' }
    enableRbacAuthorization: true
    enableSoftDelete: true
    // The secret can be made anew at any time; purge protection would only block the name for the next environment.
    softDeleteRetentionInDays: 7
    publicNetworkAccess: 'Enabled'
  }
}

resource current 'Microsoft.KeyVault/vaults/secrets@2024-11-01' = {
  parent: vault
  name: 'client-state'
  properties: {
    value: clientState
    contentType: 'clientState of the Graph subscriptions'
  }
}

resource previous 'Microsoft.KeyVault/vaults/secrets@2024-11-01' = if (!empty(clientStatePrevious)) {
  parent: vault
  name: 'client-state-previous'
  properties: {
    value: clientStatePrevious
    contentType: 'clientState before the last rotation'
  }
}

output name string = vault.name
// without a version: the app follows a rotation by itself
output clientStateUri string = current.properties.secretUri
output clientStatePreviousUri string = empty(clientStatePrevious) ? '' : previous!.properties.secretUri
