// Makes authorisation cases from a seed: the same seed and count always give the same cases.
//
// A case is plain JSON: who asks, for what, in which circumstances, and every policy that has a say. Each family of cases
// looks at one part of the language, so that a disagreement points at it; the family `logic` puts everything together.

const HERE = '111122223333'
const THERE = '444455556666'
const ORG = 'o-a1b2c3d4e5'

/** A small seeded generator of random numbers (mulberry32). */
export class Dice {
  constructor(seed) {
    this.state = seed >>> 0
  }
  next() {
    this.state = (this.state + 0x6d2b79f5) >>> 0
    let t = this.state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  below(n) {
    return Math.floor(this.next() * n)
  }
  pick(list) {
    return list[this.below(list.length)]
  }
  chance(p) {
    return this.next() < p
  }
  /** One to `most` different members. */
  some(list, most) {
    const wanted = 1 + this.below(most)
    const out = []
    for (let tries = 0; out.length < wanted && tries < 20; tries++) {
      const item = this.pick(list)
      if (!out.includes(item)) out.push(item)
    }
    return out
  }
}

const user = (account, name = 'alice', path = '') => ({
  kind: 'user',
  account,
  arn: `arn:aws:iam::${account}:user/${path}${name}`,
  id: 'AIDAEXAMPLEEXAMPLE01',
})
const root = (account) => ({ kind: 'root', account, arn: `arn:aws:iam::${account}:root`, id: account })
const session = (account, role = 'reader', name = 's1') => ({
  kind: 'role',
  account,
  roleArn: `arn:aws:iam::${account}:role/${role}`,
  arn: `arn:aws:sts::${account}:assumed-role/${role}/${name}`,
  id: 'AROAEXAMPLEEXAMPLE01',
  sessionName: name,
})
const federated = (account) => ({
  kind: 'federated-user',
  account,
  userArn: `arn:aws:iam::${account}:user/alice`,
  arn: `arn:aws:sts::${account}:federated-user/web`,
  id: `${account}:web`,
})
const service = (name) => ({ kind: 'service', arn: name, id: name })
const anonymous = () => ({ kind: 'anonymous', arn: 'anonymous', id: 'anonymous' })

/** The condition keys that AWS derives from the caller; our engine must derive the same. */
export function callerKeys(principal) {
  switch (principal.kind) {
    case 'user':
      return {
        'aws:PrincipalArn': principal.arn,
        'aws:PrincipalAccount': principal.account,
        'aws:PrincipalType': 'User',
        'aws:PrincipalIsAWSService': 'false',
        'aws:userid': principal.id,
        'aws:username': principal.arn.split('/').pop(),
      }
    case 'root':
      return {
        'aws:PrincipalArn': principal.arn,
        'aws:PrincipalAccount': principal.account,
        'aws:PrincipalType': 'Account',
        'aws:PrincipalIsAWSService': 'false',
        'aws:userid': principal.id,
      }
    case 'role':
      return {
        'aws:PrincipalArn': principal.roleArn,
        'aws:PrincipalAccount': principal.account,
        'aws:PrincipalType': 'AssumedRole',
        'aws:PrincipalIsAWSService': 'false',
        'aws:userid': `${principal.id}:${principal.sessionName}`,
      }
    case 'federated-user':
      return {
        'aws:PrincipalArn': principal.arn,
        'aws:PrincipalAccount': principal.account,
        'aws:PrincipalType': 'FederatedUser',
        'aws:PrincipalIsAWSService': 'false',
        'aws:userid': principal.id,
      }
    case 'service':
      return {
        'aws:PrincipalIsAWSService': 'true',
        'aws:PrincipalServiceName': principal.arn,
        'aws:userid': principal.id,
      }
    default:
      return {
        'aws:PrincipalAccount': 'anonymous',
        'aws:PrincipalType': 'Anonymous',
        'aws:userid': 'anonymous',
      }
  }
}

const document = (statements, version = '2012-10-17') => ({ Version: version, Statement: statements })
const allowAll = () => document([{ Effect: 'Allow', Action: '*', Resource: '*' }])

function blank(family, principal, action, resource, owner) {
  return {
    family,
    principal,
    action,
    resource,
    owner,
    context: {},
    tags: {},
    identity: [],
    boundary: null,
    session: null,
    resourcePolicy: null,
    scps: [],
    rcps: [],
    endpoint: null,
  }
}

const bucketObject = 'arn:aws:s3:::bucket/home/alice/x.txt'
const getObject = (family, principal = user(HERE)) => blank(family, principal, 's3:GetObject', bucketObject, HERE)

// ---- conditions: one Allow with one condition -------------------------------------------------------------------------

const TEXTS = ['a', 'A', 'ab', 'abc', 'abC', 'axc', 'a*', 'a*c', 'a?c', '*', '?', '**', 'Straße', 'STRASSE', 'a b', 'x/y/z', '*/y/*', '']
const NUMBERS = ['0', '5', '5.0', '05', '-1', '-5', '10', '1000', '5.5', '5.50', '4294967296', '9007199254740993']
const ODD_NUMBERS = ['abc', '', ' 5', '5 ', '0x10', '1e3', '+5', '5,0', 'NaN', 'Infinity', '.5', '5.']
const DATES = [
  '2024-01-01T00:00:00Z', '2024-01-01T12:00:00Z', '2024-01-01', '2024-01-02T00:00:00Z', '2024-01-01T01:00:00+01:00',
  '2023-12-31T19:00:00-05:00', '2024-01-01T00:00:00.000Z', '2024-01-01T00:00:00.500Z', '1704067200', '1704067201', '2024', '2024-01',
]
const ODD_DATES = ['abc', '', '2024-13-01', '2024-01-01 00:00:00', '01/02/2024', '20240101T000000Z', '2024-01-01T00:00:00', '2024-01-01T00:00Z']
const BOOLS = ['true', 'false', 'True', 'FALSE']
const ODD_BOOLS = ['yes', '1', '0', '', 'truee']
const RANGES = ['10.0.0.0/8', '10.1.2.3/32', '10.1.2.3', '10.1.2.0/24', '10.1.2.7/24', '0.0.0.0/0', '2001:db8::/32', '2001:db8::1', '2001:DB8:0:0::1/128', '::/0', '192.168.1.0/25']
const ADDRESSES = ['10.1.2.3', '10.1.3.3', '11.0.0.1', '192.168.1.127', '192.168.1.128', '2001:db8::1', '2001:db8:0:0:0:0:0:1', '2001:db9::1']
const ARNS = [
  'arn:aws:sns:us-east-1:111122223333:topic', 'arn:aws:sns:us-east-1:111122223333:Topic', 'arn:aws:sns:eu-west-1:111122223333:topic',
  'arn:aws:sns:us-east-1:444455556666:topic', 'arn:aws:s3:::bucket/a/b', 'arn:aws:s3:::bucket', 'arn:aws:logs:us-east-1:111122223333:log-group:g:log-stream:s',
]
const ARN_PATTERNS = [
  ...ARNS, 'arn:aws:sns:*:111122223333:topic', 'arn:aws:sns:us-east-?:111122223333:t*', 'arn:aws:s3:::bucket/*', 'arn:aws:s3:::*', 'arn:*:sns:us-east-1:*:*',
  'arn:aws:sns:*:topic', 'arn:aws:*', '*', 'arn:aws:logs:*:*:log-group:*', 'arn:aws:logs:*:*:*:s', 'arn:aws:sns:us-east-1:1111*:topic', 'a*:aws:sns:us-east-1:111122223333:topic',
]
const ODD_ARNS = ['topic', '', 'arn:aws:sns', 'arn:aws:sns:us-east-1:111122223333']
const BINARIES = ['QQ==', 'QUI=', 'QUJD', 'qq==']

const TEXT_KEYS = ['aws:UserAgent', 'aws:Referer', 'aws:SourceIdentity']
const MANY_TEXT_KEYS = ['aws:TagKeys', 'aws:CalledVia']
const families = {
  text: { operators: ['StringEquals', 'StringNotEquals', 'StringEqualsIgnoreCase', 'StringNotEqualsIgnoreCase', 'StringLike', 'StringNotLike'], keys: TEXT_KEYS, wanted: TEXTS, found: TEXTS, odd: [] },
  number: { operators: ['NumericEquals', 'NumericNotEquals', 'NumericLessThan', 'NumericLessThanEquals', 'NumericGreaterThan', 'NumericGreaterThanEquals'], keys: ['aws:MultiFactorAuthAge'], wanted: NUMBERS, found: NUMBERS, odd: ODD_NUMBERS },
  date: { operators: ['DateEquals', 'DateNotEquals', 'DateLessThan', 'DateLessThanEquals', 'DateGreaterThan', 'DateGreaterThanEquals'], keys: ['aws:CurrentTime', 'aws:TokenIssueTime', 'aws:EpochTime'], wanted: DATES, found: DATES, odd: ODD_DATES },
  bool: { operators: ['Bool'], keys: ['aws:SecureTransport', 'aws:MultiFactorAuthPresent', 'aws:ViaAWSService'], wanted: BOOLS, found: BOOLS, odd: ODD_BOOLS },
  ip: { operators: ['IpAddress', 'NotIpAddress'], keys: ['aws:SourceIp', 'aws:VpcSourceIp'], wanted: RANGES, found: ADDRESSES, odd: ['', 'abc', '10.1.2', '10.1.2.256'] },
  arn: { operators: ['ArnEquals', 'ArnLike', 'ArnNotEquals', 'ArnNotLike'], keys: ['aws:SourceArn'], wanted: ARN_PATTERNS, found: ARNS, odd: ODD_ARNS },
  binary: { operators: ['BinaryEquals'], keys: ['aws:UserAgent'], wanted: BINARIES, found: BINARIES, odd: [] },
  null: { operators: ['Null'], keys: TEXT_KEYS, wanted: BOOLS, found: TEXTS, odd: [] },
}
const QUALIFIERS = ['', '', '', 'ForAllValues:', 'ForAnyValue:']

function casing(dice, key) {
  return dice.chance(0.15) ? (dice.chance(0.5) ? key.toLowerCase() : key.toUpperCase()) : key
}

/** One value or a list; one value is sometimes written as a list, too. */
function written(dice, values) {
  return values.length === 1 && dice.chance(0.6) ? values[0] : values
}

function condition(dice) {
  const family = families[dice.pick(Object.keys(families))]
  const base = dice.pick(family.operators)
  const isNull = base === 'Null'
  const qualifier = isNull ? '' : dice.pick(QUALIFIERS)
  const operator = qualifier + base + (!isNull && dice.chance(0.25) ? 'IfExists' : '')
  const texts = family === families.text
  const many = texts && (qualifier !== '' || dice.chance(0.25))
  const key = dice.pick(many ? MANY_TEXT_KEYS : family.keys)
  const odd = dice.chance(0.12) && family.odd.length > 0
  const wanted = dice.some(odd && dice.chance(0.5) ? family.odd : family.wanted, isNull ? 1 : 3)
  const pool = odd && dice.chance(0.7) ? family.odd : family.found
  let found = many ? dice.some(pool, 3) : dice.pick(pool)
  if (dice.chance(0.2)) found = undefined
  else if (many && dice.chance(0.1)) found = []
  return { operator, key, wanted, found }
}

function conditionCase(dice) {
  const made = getObject('condition')
  const { operator, key, wanted, found } = condition(dice)
  if (found !== undefined) made.context[key] = found
  const statement = { Effect: 'Allow', Action: 's3:GetObject', Resource: '*', Condition: { [operator]: { [casing(dice, key)]: written(dice, wanted) } } }
  made.identity = [document([statement])]
  return made
}

/** Several conditions in one statement: operators and keys are joined by AND. */
function blockCase(dice) {
  const made = getObject('block')
  const block = {}
  for (let n = 1 + dice.below(3); n > 0; n--) {
    const { operator, key, wanted, found } = condition(dice)
    if (found !== undefined) made.context[key] = found
    block[operator] = { ...block[operator], [key]: written(dice, wanted) }
  }
  const statements = [{ Effect: 'Allow', Action: '*', Resource: '*' }]
  if (dice.chance(0.5)) statements[0].Condition = block
  else statements.push({ Effect: 'Deny', Action: 's3:*', Resource: '*', Condition: block })
  made.identity = [document(statements)]
  return made
}

// ---- variables ----------------------------------------------------------------------------------------------------------

const VARIABLES = [
  '${aws:username}', '${AWS:UserName}', '${aws:PrincipalTag/team}', '${aws:PrincipalTag/Team}', '${aws:PrincipalTag/missing}', "${aws:PrincipalTag/missing, 'alice'}",
  "${aws:username, 'nobody'}", "${aws:PrincipalTag/missing,'alice'}", '${*}', '${?}', '${$}', '${aws:userid}', '${aws:PrincipalAccount}', '${aws:TagKeys}', '${aws:SourceIp}', '${aws:PrincipalTag/star}',
]

function variableCase(dice) {
  const principal = dice.pick([user(HERE), user(HERE, 'al*ce'), session(HERE), federated(HERE)])
  const made = getObject('variable', principal)
  made.tags = { team: 'alice', star: 'a*', yes: 'true' }
  made.context['aws:SourceIp'] = '10.1.2.3'
  if (dice.chance(0.5)) made.context['aws:TagKeys'] = dice.pick([['alice'], ['alice', 'bob']])
  const variable = dice.pick(VARIABLES)
  const version = dice.chance(0.85) ? '2012-10-17' : '2008-10-17'
  const statement = { Effect: 'Allow', Action: 's3:GetObject', Resource: '*' }
  if (dice.chance(0.5)) {
    made.resource = `arn:aws:s3:::bucket/home/${dice.pick(['alice', 'albce', 'nobody', '?', '$', 'q', '10.1.2.3', HERE])}/x`
    const element = dice.chance(0.8) ? 'Resource' : 'NotResource'
    delete statement.Resource
    statement[element] = written(dice, [`arn:aws:s3:::bucket/home/${variable}/*`])
  } else if (dice.chance(0.1)) {
    made.context['aws:SecureTransport'] = dice.pick(['true', 'false'])
    const wanted = dice.pick(['${aws:PrincipalTag/yes}', "${aws:PrincipalTag/missing, 'false'}", '${aws:PrincipalTag/missing}'])
    statement.Condition = { Bool: { 'aws:SecureTransport': wanted } }
  } else {
    const operator = dice.pick(['StringEquals', 'StringLike', 'StringNotEquals', 'StringNotLike', 'StringEqualsIgnoreCase', 'ForAnyValue:StringLike', 'ForAllValues:StringEquals', 'ArnLike'])
    const arn = operator === 'ArnLike'
    const many = operator.startsWith('For')
    const values = ['alice', 'ALICE', 'al*ce', 'albce', 'a*', 'nobody', '*', '?', '$', 'q', variable, HERE, '10.1.2.3']
    const key = arn ? 'aws:SourceArn' : many ? 'aws:CalledVia' : 'aws:UserAgent'
    const value = dice.pick(values)
    made.context[key] = arn ? `arn:aws:s3:::bucket/${value}` : many ? dice.some(values, 2) : value
    statement.Condition = { [operator]: { [key]: written(dice, [arn ? `arn:aws:s3:::bucket/${variable}` : variable]) } }
  }
  made.identity = [document([statement], version)]
  return made
}

// ---- actions and resources -------------------------------------------------------------------------------------------------

const REQUESTS = [
  ['s3:GetObject', 'arn:aws:s3:::bucket/home/alice/x.txt'],
  ['s3:ListBucket', 'arn:aws:s3:::bucket'],
  ['sqs:SendMessage', `arn:aws:sqs:us-east-1:${HERE}:jobs`],
  ['sns:Publish', `arn:aws:sns:us-east-1:${HERE}:topic`],
  ['dynamodb:GetItem', `arn:aws:dynamodb:us-east-1:${HERE}:table/orders`],
  ['secretsmanager:GetSecretValue', `arn:aws:secretsmanager:us-east-1:${HERE}:secret:db-a1b2c3`],
]
const ACTIONS = [
  '*', 's3:*', 's3:Get*', 's3:GetObject', 'S3:getobject', 's3:Get?bject', 's3:*Object', 's3:List*', 's3:ListBucket', 'sqs:SendMessage', 'sqs:Send*', 'sqs:*', 'sns:Publish', 'sns:*',
  'dynamodb:GetItem', 'dynamodb:*Item', 'secretsmanager:Get*', 'ec2:*', 'iam:PassRole',
]
const RESOURCES = [
  '*', 'arn:aws:s3:::bucket', 'arn:aws:s3:::bucket/*', 'arn:aws:s3:::bucket*', 'arn:aws:s3:::*/home/*', 'arn:aws:s3:::bucket/home/?lice/x.txt', 'arn:aws:s3:::BUCKET/*', 'arn:aws:s3:::other/*',
  'arn:aws:sqs:*:*:jobs', `arn:aws:sqs:us-east-1:${HERE}:*`, 'arn:aws:sqs:us-east-?:*:j*s', `arn:aws:sqs:eu-west-1:${HERE}:jobs`, 'arn:aws:sns:*:*:*', `arn:aws:sns:us-east-1:${HERE}:top?c`,
  'arn:aws:dynamodb:*:*:table/*', `arn:aws:dynamodb:us-east-1:${HERE}:table/orders/index/*`, `arn:aws:secretsmanager:us-east-1:${HERE}:secret:db-??????`, 'arn:aws:s3:::bucket/**',
]

function statementOf(dice, effect) {
  const statement = { Effect: effect }
  statement[dice.chance(0.85) ? 'Action' : 'NotAction'] = written(dice, dice.some(ACTIONS, 3))
  statement[dice.chance(0.85) ? 'Resource' : 'NotResource'] = written(dice, dice.some(RESOURCES, 3))
  return statement
}

function patternCase(dice) {
  const [action, resource] = dice.pick(REQUESTS)
  const made = blank('pattern', user(HERE), action, resource, HERE)
  for (let n = 1 + dice.below(2); n > 0; n--) {
    const statements = []
    for (let m = 1 + dice.below(3); m > 0; m--) statements.push(statementOf(dice, dice.chance(0.8) ? 'Allow' : 'Deny'))
    made.identity.push(document(statements))
  }
  return made
}

// ---- who, and which policies --------------------------------------------------------------------------------------------------

const SIMPLE_CONDITIONS = [
  null, null, null, null,
  { StringEquals: { 'aws:PrincipalOrgID': ORG } },
  { StringNotEquals: { 'aws:PrincipalOrgID': ORG } },
  { Bool: { 'aws:SecureTransport': 'false' } },
  { Bool: { 'aws:PrincipalIsAWSService': 'false' } },
  { BoolIfExists: { 'aws:PrincipalIsAWSService': 'true' } },
  { StringEquals: { 'aws:PrincipalAccount': HERE } },
  { ArnLike: { 'aws:PrincipalArn': 'arn:aws:iam::*:role/*' } },
  { ArnNotLike: { 'aws:PrincipalArn': 'arn:aws:iam::*:role/*' } },
  { IpAddress: { 'aws:SourceIp': '10.0.0.0/8' } },
  { Null: { 'aws:SourceVpce': 'true' } },
  { StringEquals: { 'aws:SourceVpce': 'vpce-1' } },
  { NumericLessThan: { 'aws:MultiFactorAuthAge': '3600' } },
]

function broad(dice, effect, action) {
  const [prefix] = action.split(':')
  const statement = { Effect: effect }
  const kind = dice.below(10)
  if (kind < 8) statement.Action = dice.pick([action, `${prefix}:*`, '*'])
  else if (kind === 8) statement.NotAction = 'ec2:*'
  else statement.Action = 'ec2:*'
  statement.Resource = '*'
  const condition = dice.pick(SIMPLE_CONDITIONS)
  if (condition) statement.Condition = condition
  return statement
}

function policyOf(dice, action, denyChance) {
  const statements = [broad(dice, 'Allow', action)]
  if (dice.chance(denyChance)) statements.push(broad(dice, 'Deny', action))
  return document(statements)
}

function named(dice, principal) {
  const account = principal.account ?? HERE
  const sessions = session(account)
  const choices = [
    '*', { AWS: '*' }, { AWS: account }, { AWS: `arn:aws:iam::${account}:root` }, { AWS: `arn:aws:iam::${account}:user/alice` }, { AWS: `arn:aws:iam::${account}:user/bob` },
    { AWS: sessions.roleArn }, { AWS: sessions.arn }, { AWS: [`arn:aws:iam::${account}:user/alice`, '777788889999'] }, { AWS: '777788889999' }, { Service: 'sns.amazonaws.com' },
    { Service: ['events.amazonaws.com', 'sns.amazonaws.com'], AWS: account }, { AWS: `arn:aws:sts::${account}:federated-user/web` },
  ]
  return dice.pick(choices)
}

function resourceStatement(dice, principal, action, effect) {
  const statement = broad(dice, effect, action)
  if (effect === 'Deny' && dice.chance(0.25)) {
    const account = principal.account ?? HERE
    const sessions = session(account)
    statement.NotPrincipal = dice.pick([
      { AWS: [principal.arn.startsWith('arn:') ? principal.arn : account, `arn:aws:iam::${account}:root`] },
      { AWS: [sessions.roleArn, sessions.arn, account] },
      { AWS: [`arn:aws:iam::${account}:user/alice`, account] },
      { AWS: account },
      { Service: 'sns.amazonaws.com' },
    ])
  } else {
    statement.Principal = named(dice, principal)
  }
  return statement
}

function resourcePolicyOf(dice, principal, action, denyChance) {
  const statements = [resourceStatement(dice, principal, action, 'Allow')]
  if (dice.chance(0.3)) statements.push(resourceStatement(dice, principal, action, 'Allow'))
  if (dice.chance(denyChance)) statements.push(resourceStatement(dice, principal, action, 'Deny'))
  return document(statements)
}

function circumstances(dice, made) {
  const context = made.context
  context['aws:SecureTransport'] = 'true'
  if (dice.chance(0.8)) context['aws:SourceIp'] = dice.pick(['10.1.2.3', '203.0.113.9'])
  if (dice.chance(0.3)) context['aws:SourceVpce'] = dice.pick(['vpce-1', 'vpce-2'])
  if (made.principal.account && dice.chance(0.6)) context['aws:PrincipalOrgID'] = ORG
  if (dice.chance(0.3)) context['aws:MultiFactorAuthAge'] = dice.pick(['60', '7200'])
}

function controlPolicies(dice, made) {
  if (made.principal.account && dice.chance(0.4)) {
    for (let level = 1 + dice.below(3); level > 0; level--) {
      const policies = [dice.chance(0.7) ? allowAll() : policyOf(dice, made.action, 0.2)]
      if (dice.chance(0.3)) policies.push(document([broad(dice, 'Deny', made.action)]))
      made.scps.push(policies)
    }
  }
  if (dice.chance(0.3)) {
    for (let level = 1 + dice.below(2); level > 0; level--) {
      // AWS: an RCP of one's own denies, names everyone, and neither all actions nor NotAction.
      const { NotAction, ...deny } = { ...broad(dice, 'Deny', made.action), Principal: '*' }
      if (NotAction || deny.Action === '*') deny.Action = `${made.action.split(':')[0]}:*`
      // Nor actions of services that do not support RCPs.
      if (/^(ec2|sns):/.test(deny.Action)) deny.Action = 'logs:*'
      made.rcps.push(dice.chance(0.6) ? [document([deny])] : [])
    }
  }
}

function logicCase(dice) {
  const principal = dice.pick([
    user(HERE), user(HERE), user(THERE), session(HERE), session(HERE), session(THERE), federated(HERE), federated(THERE), root(HERE), root(THERE),
    service('sns.amazonaws.com'), anonymous(),
  ])
  const [action, resource] = dice.pick(REQUESTS)
  const made = blank('logic', principal, action, resource, HERE)
  circumstances(dice, made)
  fill(dice, made)
  if (dice.chance(0.65)) made.resourcePolicy = resourcePolicyOf(dice, principal, action, 0.2)
  if (dice.chance(0.2)) {
    const policy = dice.chance(0.5) ? allowAll() : policyOf(dice, action, 0.2)
    made.endpoint = document(policy.Statement.map((statement) => ({ ...statement, Principal: '*' })))
  }
  return made
}

/** The caller's own policies, as far as its kind can have them, and those of the organization. */
function fill(dice, made) {
  const { kind } = made.principal
  if (['user', 'role', 'federated-user'].includes(kind)) {
    if (dice.chance(0.7)) made.identity.push(policyOf(dice, made.action, 0.15))
    if (dice.chance(0.2)) made.identity.push(policyOf(dice, made.action, 0.3))
    if (dice.chance(0.35)) made.boundary = policyOf(dice, made.action, 0.1)
  }
  if (['role', 'federated-user'].includes(kind) && dice.chance(0.5)) made.session = policyOf(dice, made.action, 0.1)
  controlPolicies(dice, made)
}

/** Trust policies and key policies, which must allow themselves. */
function mandatoryCase(dice) {
  const principal = dice.pick([user(HERE), user(THERE), session(HERE), session(THERE), root(HERE), federated(HERE), service('sns.amazonaws.com')])
  const trust = dice.chance(0.5)
  const [action, resource] = trust ? ['sts:AssumeRole', `arn:aws:iam::${HERE}:role/app`] : ['kms:Decrypt', `arn:aws:kms:us-east-1:${HERE}:key/1234abcd-12ab-34cd-56ef-1234567890ab`]
  const made = blank(trust ? 'trust' : 'key', principal, action, resource, HERE)
  circumstances(dice, made)
  fill(dice, made)
  const policy = resourcePolicyOf(dice, principal, action, 0.15)
  for (const statement of policy.Statement) {
    if (trust) {
      delete statement.Resource
      delete statement.NotAction
      statement.Action = dice.pick(['sts:AssumeRole', 'sts:AssumeRole', 'sts:AssumeRoleWithSAML', 'sts:*'])
    }
  }
  made.resourcePolicy = policy
  return made
}

const MAKERS = [conditionCase, conditionCase, conditionCase, blockCase, variableCase, patternCase, logicCase, logicCase, logicCase, mandatoryCase]

/** `count` cases from `seed`, each with its number as `id`. */
export function makeCases(seed, count) {
  const dice = new Dice(seed)
  const cases = []
  for (let id = 0; id < count; id++) cases.push({ id, ...MAKERS[id % MAKERS.length](dice) })
  return cases
}
