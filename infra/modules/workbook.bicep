// The workbook: what Handover did, from its own log events. Its content is workbook.json.
param location string
param tags object
param workspaceId string

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(resourceGroup().id, 'handover')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'Handover'
    category: 'workbook'
    sourceId: workspaceId
    serializedData: loadTextContent('workbook.json')
  }
}
