// Mails to one address, by questions asked of Handover's own log events. Questions and meanings: ../alerts.json; what to
// do about each: docs/operations.md.
param location string
param tags object

@description('The Log Analytics workspace behind Application Insights.')
param workspaceId string
param email string

var alerts = loadJsonContent('../alerts.json')

resource people 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'ag-handover'
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'Handover'
    emailReceivers: [
      {
        name: 'operators'
        emailAddress: email
        useCommonAlertSchema: true
      }
    ]
  }
}

resource rule 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for alert in alerts.rules: {
    name: 'handover-${alert.name}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: 'Handover: ${alert.name}'
      description: alert.means
      severity: alert.severity
      enabled: true
      evaluationFrequency: alert.every
      windowSize: alert.window
      scopes: [workspaceId]
      // the tables come with the first log line
      skipQueryValidation: true
      autoMitigate: true
      criteria: {
        allOf: [
          {
            query: '${alerts.events}\n${join(alert.query, '\n')}'
            timeAggregation: 'Count'
            operator: 'GreaterThan'
            threshold: 0
            failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
          }
        ]
      }
      actions: { actionGroups: [people.id] }
    }
  }
]
