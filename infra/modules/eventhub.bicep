// An Event Hub for Intune's diagnostic logs. What sends to it is a diagnostic setting of Intune, which nobody can make from
// here: see docs/operations.md. It signs in with a key of the namespace, hence local authentication stays on; the app does not.
param name string
param location string
param tags object

@description('Name of the hub, and so of HANDOVER_EVENT_HUB.')
param hubName string

resource namespace 'Microsoft.EventHub/namespaces@2024-01-01' = {
  name: name
  location: location
  tags: tags
  sku: { name: 'Standard', tier: 'Standard', capacity: 1 }
  properties: {
    minimumTlsVersion: '1.2'
  }
}

resource hub 'Microsoft.EventHub/namespaces/eventhubs@2024-01-01' = {
  parent: namespace
  name: hubName
  properties: {
    partitionCount: 2
    retentionDescription: { cleanupPolicy: 'Delete', retentionTimeInHours: 168 }
  }
}

output name string = namespace.name
