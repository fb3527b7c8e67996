// Asks the independent simulator, and runs our engine over the same cases.

import { execFileSync } from 'node:child_process'
import { pathToFileURL } from 'node:url'
import { join } from 'node:path'
import { callerKeys } from './cases.mjs'

const named = (policies) => policies.map((policy, index) => ({ name: `policy${index}`, policy }))
const levels = (lists) => lists.map((list, index) => ({ orgIdentifier: `level${index}`, policies: named(list) }))

/** The simulator does not know that the root user "has full access": it is told so by an identity policy. */
const identity = ({ principal, identity }) =>
  principal.kind === 'root' ? [{ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] }] : identity

/** The simulator in `folder`/node_modules as a function from a case to an outcome. */
export async function simulator(folder) {
  const entry = join(folder, 'node_modules/@cloud-copilot/iam-simulate/dist/esm/index.js')
  const { runSimulation, anonymousPrincipal } = await import(pathToFileURL(entry))
  return async (made) => {
    const contextVariables = { ...callerKeys(made.principal), ...made.context }
    for (const [key, value] of Object.entries(made.tags)) contextVariables[`aws:PrincipalTag/${key}`] = value
    const answer = await runSimulation(
      {
        request: {
          principal: made.principal.kind === 'anonymous' ? anonymousPrincipal : made.principal.arn,
          action: made.action,
          resource: { resource: made.resource, accountId: made.owner },
          contextVariables,
        },
        identityPolicies: named(identity(made)),
        serviceControlPolicies: levels(made.scps),
        resourceControlPolicies: levels(made.rcps),
        resourcePolicy: made.resourcePolicy ?? undefined,
        permissionBoundaryPolicies: made.boundary ? named([made.boundary]) : undefined,
        vpcEndpointPolicies: made.endpoint ? named([made.endpoint]) : undefined,
        sessionPolicy: made.session ?? undefined,
      },
      {},
    )
    if (answer.resultType !== 'single') return { outcome: 'Error', error: JSON.stringify(answer.errors ?? answer.resultType) }
    return { outcome: answer.overallResult }
  }
}

/** Our engine's outcomes, by case id. */
export function engine(program, cases) {
  const input = cases.map((made) => JSON.stringify(made)).join('\n')
  const output = execFileSync(program, { input, maxBuffer: 1 << 28, encoding: 'utf8' })
  const lines = output.trim().split('\n').map((line) => JSON.parse(line))
  return new Map(lines.map((answer) => [answer.id, answer]))
}
