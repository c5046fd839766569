// Mails when the month's cost in this resource group passes 80 % of the budget, or is forecast to pass it. It stops nothing.
@minValue(1)
param amount int
param email string

@description('First day of a month, as YYYY-MM-01.')
param startDate string

resource budget 'Microsoft.Consumption/budgets@2023-05-01' = {
  name: 'handover'
  properties: {
    category: 'Cost'
    timeGrain: 'Monthly'
    amount: amount
    timePeriod: { startDate: startDate }
    notifications: {
      spent: {
        enabled: true
        operator: 'GreaterThan'
        threshold: 80
        thresholdType: 'Actual'
        contactEmails: [email]
      }
      forecast: {
        enabled: true
        operator: 'GreaterThan'
        threshold: 100
        thresholdType: 'Forecasted'
        contactEmails: [email]
      }
    }
  }
}
