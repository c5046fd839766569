// App Service Authentication: people sign in with Microsoft Entra ID before a request reaches the app, and the app is
// told who they are and which app roles they hold. Without it the app refuses everybody but Microsoft Graph's webhook and
// the links in mails. No secret is kept: the app registration issues ID tokens to this app's own callback.
@description('Name of the Function App.')
param appName string

@description('Application (client) id of the app registration that people sign in to; its app roles are those of ../app-roles.json.')
param clientId string

@description('What is open to everybody: the webhook, which knows Microsoft Graph by its secret, and the links in mails, which carry a code.')
param excludedPaths array = ['/api/notifications', '/api/defer/*']

resource app 'Microsoft.Web/sites@2024-11-01' existing = {
  name: appName
}

resource signIn 'Microsoft.Web/sites/config@2024-11-01' = {
  parent: app
  name: 'authsettingsV2'
  properties: {
    platform: {
      enabled: true
      runtimeVersion: '~1'
    }
    globalValidation: {
      requireAuthentication: true
      unauthenticatedClientAction: 'RedirectToLoginPage'
      redirectToProvider: 'azureactivedirectory'
      excludedPaths: excludedPaths
    }
    httpSettings: {
      requireHttps: true
    }
    identityProviders: {
      azureActiveDirectory: {
        enabled: true
        registration: {
          clientId: clientId
          openIdIssuer: '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
        }
        validation: {
          allowedAudiences: [clientId, 'api://${clientId}']
        }
      }
    }
    login: {
      // the app asks for no token of the person's, so none is kept
      tokenStore: { enabled: false }
      cookieExpiration: {
        convention: 'FixedTime'
        timeToExpiration: '08:00:00'
      }
    }
  }
}
