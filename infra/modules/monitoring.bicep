// Where logs and metrics go: a Log Analytics workspace with a daily cap, and Application Insights on it, which takes
// telemetry from identities only.
param workspaceName string
param applicationInsightsName string
param location string
param tags object

@description('Most GB a day; what comes later on that day is dropped, so that a flood of logs has a price limit.')
@minValue(1)
param dailyQuotaGb int = 1

@description('Days that logs are kept; 30 are included in the price.')
@minValue(30)
@maxValue(730)
param retentionInDays int = 30

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-02-01' = {
  name: workspaceName
  location: location
  tags: tags
  properties: {
    sku: { name: 'PerGB2018' }
    retentionInDays: retentionInDays
    workspaceCapping: { dailyQuotaGb: dailyQuotaGb }
  }
}

resource applicationInsights 'Microsoft.Insights/components@2020-02-02' = {
  name: applicationInsightsName
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: workspace.id
    DisableLocalAuth: true
  }
}

output workspaceId string = workspace.id
output applicationInsightsId string = applicationInsights.id
output applicationInsightsName string = applicationInsights.name
output connectionString string = applicationInsights.properties.ConnectionString
