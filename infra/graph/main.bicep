// Grants the identity of one part its app roles in Microsoft Graph. Apart from ../main.bicep on purpose: an owner of the
// subscription may deploy that one, this one needs a Privileged Role Administrator (AppRoleAssignment.ReadWrite.All
// and Application.Read.All), who thereby sees what is granted. Needs Bicep 0.36.1 or newer.
//   az deployment group create --resource-group GROUP --template-file infra/graph/main.bicep \
//     --parameters principalId=OBJECT_ID part=single grants="['report','remediate']"
// Right after the identity was made Graph may not know it yet ("not a valid reference update"): deploy again later.
extension microsoftGraphV1

@description('Object id of the managed identity: the output MI_SINGLE, MI_WORKER or MI_WIPER of ../main.bicep.')
param principalId string

@description('The part that has this identity. The intake gets no role at all.')
@allowed(['single', 'worker', 'wiper'])
param part string = 'single'

@description('What the app may do; the roles of each and their reasons are in ../graph-roles.json.')
@allowed(['report', 'remediate', 'usageLocation', 'mail', 'groups', 'recoveryKeys', 'approvalPolicies', 'licenceGroup'])
param grants array = ['report']

var rolesByGrant = loadJsonContent('../graph-roles.json')
var granted = reduce(grants, {}, (roles, grant) => union(roles, rolesByGrant[grant]))
var roles = filter(items(granted), role => part == 'single' || contains(role.value.parts, part))

// Microsoft Graph itself, the same application id in every tenant
resource graph 'Microsoft.Graph/servicePrincipals@v1.0' existing = {
  appId: '00000003-0000-0000-c000-000000000000'
}

resource assignment 'Microsoft.Graph/appRoleAssignedTo@v1.0' = [
  for role in roles: {
    principalId: principalId
    resourceId: graph.id
    appRoleId: role.value.id
  }
]

output granted array = map(roles, role => role.key)
