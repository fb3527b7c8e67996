// The known classes of disagreement: who is right, AWS's page that says so, and which cases belong to it.
//
// `applies` is as narrow as the reason: a case that only looks alike stays unexplained, and the test fails.
// `right` is `ours` when AWS's documentation decides for us, and `open` when it says nothing and we had to choose.

const GUIDE = 'https://docs.aws.amazon.com/IAM/latest/UserGuide/'

/** Every statement of a case with the version of its policy. */
function statements(made) {
  const policies = [...made.identity, made.boundary, made.session, made.resourcePolicy, made.endpoint, ...made.scps.flat(), ...made.rcps.flat()]
  return policies.filter(Boolean).flatMap((policy) => policy.Statement.map((statement) => ({ version: policy.Version, statement })))
}

function found(made, key) {
  const entry = Object.entries(made.context).find(([name]) => name.toLowerCase() === key.toLowerCase())
  return entry?.[1]
}

const list = (value) => (value === undefined ? [] : Array.isArray(value) ? value : [value])

/** Every condition of a case with the request's values. */
function conditions(made) {
  return statements(made).flatMap(({ statement }) =>
    Object.entries(statement.Condition ?? {}).flatMap(([operator, keys]) =>
      Object.entries(keys).map(([key, wanted]) => ({ operator, key, wanted: list(wanted), found: found(made, key) })),
    ),
  )
}

/** Whether a condition with an operator like `name` has this property. */
const condition = (name, test) => (made) => conditions(made).some((one) => name.test(one.operator) && test(one))
const values = (one) => [...one.wanted, ...list(one.found)]

function principals(element) {
  return element === undefined || element === '*' ? list(element) : Object.values(element).flat()
}

const isAddress = (text) => /^\d+\.\d+\.\d+\.\d+(\/\d+)?$/.test(text) && text.split(/[./]/).slice(0, 4).every((part) => Number(part) < 256)
const isV6 = (text) => text.includes(':')
const isNumber = (text) => /^[+-]?\d+(\.\d+)?$/.test(text)
const isPlainNumber = (text) => /^-?\d+(\.\d+)?$/.test(text)
const isEpoch = (text) => /^-?\d{5,}(\.\d+)?$/.test(text)
const isShortDate = (text) => /^\d{4}(-\d{2})?$/.test(text)
const isLongDate = (text) => /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2}))?$/.test(text) && !Number.isNaN(Date.parse(text))
const isDate = (text) => isEpoch(text) || isShortDate(text) || isLongDate(text)
const isArn = (text) => text.split(':').length >= 6

export const CLASSES = [
  {
    id: 'federated-user-by-its-user',
    right: 'ours',
    aws: `${GUIDE}reference_policies_evaluation-logic_policy-eval-denyallow.html`,
    why: 'A resource policy that names the IAM user reaches the sessions that the user federated, limited by boundary and session policies. The simulator is only given the session\'s ARN and cannot know the user.',
    applies: (made) =>
      made.principal.kind === 'federated-user' &&
      (made.resourcePolicy?.Statement ?? []).some((statement) => [...principals(statement.Principal), ...principals(statement.NotPrincipal)].includes(made.principal.userArn)),
  },
  {
    id: 'session-granted-directly',
    right: 'ours',
    aws: `${GUIDE}reference_policies_evaluation-logic_policy-eval-denyallow.html`,
    why: 'Within an account, permissions granted directly to a session (its ARN) "are not limited by an implicit deny in an identity-based policy, a permissions boundary, or session policy"; the page on the Principal element says the same of "*".',
    applies: (made, ours, theirs) =>
      ['role', 'federated-user'].includes(made.principal.kind) && made.principal.account === made.owner && (made.boundary || made.session) && ours === 'Allowed' && theirs === 'ImplicitlyDenied' &&
      (made.resourcePolicy?.Statement ?? []).some((statement) => statement.Effect === 'Allow' && principals(statement.Principal).some((name) => name === '*' || name === made.principal.arn)),
  },
  {
    id: 'not-principal-needs-every-layer',
    right: 'ours',
    aws: `${GUIDE}reference_policies_elements_notprincipal.html`,
    why: 'To exempt a user from a Deny, its account and itself must be listed; to exempt a role session its account, its role and itself. The simulator is content with one of them.',
    applies: (made, ours) =>
      ours === 'ExplicitlyDenied' &&
      (made.resourcePolicy?.Statement ?? []).some((statement) => {
        const listed = principals(statement.NotPrincipal)
        const { account, arn, roleArn } = made.principal
        const layers = [listed.some((name) => name === account || name === `arn:aws:iam::${account}:root`), listed.includes(arn), !roleArn || listed.includes(roleArn)]
        return statement.Effect === 'Deny' && layers.some(Boolean) && !layers.every(Boolean)
      }),
  },
  {
    id: 'variables-before-2012',
    right: 'ours',
    aws: `${GUIDE}reference_policies_variables.html`,
    why: 'Without version 2012-10-17 "variables like ${aws:username} are treated as literal strings". The simulator fills them in whatever the version.',
    applies: (made) => statements(made).some(({ version, statement }) => version !== '2012-10-17' && JSON.stringify(statement).includes('${')),
  },
  {
    id: 'escapes-in-plain-text',
    right: 'ours',
    aws: `${GUIDE}reference_policies_variables.html`,
    why: '"You can use these predefined policy variables in any string where you can use regular policy variables": ${*}, ${?} and ${$} stand for their character under StringEquals too.',
    applies: condition(/String(Not)?Equals/, (one) => one.wanted.some((text) => /\$\{[*?$]\}/.test(text))),
  },
  {
    id: 'set-operator-on-empty-text',
    right: 'ours',
    aws: `${GUIDE}reference_policies_condition-single-vs-multi-valued-context-keys.html`,
    why: 'A key that "resolves to a null data set, such as an empty string" makes ForAllValues true and ForAnyValue false.',
    applies: condition(/^For/, (one) => list(one.found).length === 1 && list(one.found)[0] === ''),
  },
  {
    id: 'any-value-if-exists',
    right: 'open',
    aws: `${GUIDE}reference_policies_elements_condition_operators.html#Conditions_IfExists`,
    why: 'ForAnyValue is false on an absent key, IfExists is true on one, and no page says which wins. We follow IfExists, which speaks of any operator but Null; the simulator follows ForAnyValue.',
    applies: condition(/^ForAnyValue:.*IfExists$/, (one) => list(one.found).length === 0),
  },
  {
    id: 'plain-operator-on-many-values',
    right: 'open',
    aws: `${GUIDE}reference_policies_condition-single-vs-multi-valued-context-keys.html`,
    why: 'A key with several values needs a set operator, says the page, and not what happens without one. We ask whether one of the values matches and negate that as a whole; for the simulator the condition is false.',
    applies: condition(/^(?!For)(?!Null)/, (one) => Array.isArray(one.found)),
  },
  {
    id: 'arn-lone-star',
    right: 'open',
    aws: `${GUIDE}reference_policies_elements_condition_operators.html#Conditions_ARN`,
    why: 'The page speaks of six components and says nothing of a lone *. We take it for every ARN, as in the Resource element; for the simulator it matches none.',
    applies: condition(/Arn/, (one) => one.wanted.includes('*') && list(one.found).length > 0),
  },
  {
    id: 'arn-malformed',
    right: 'open',
    aws: `${GUIDE}reference_policies_elements_condition_operators.html#Conditions_ARN`,
    why: 'What has not six components equals no ARN, so it is "not equal". No page says it; the simulator compares fewer components with each other, and makes a negated operator false for the rest.',
    applies: condition(/Arn/, (one) => values(one).some((text) => !isArn(text))),
  },
  {
    id: 'ip-whole-internet',
    right: 'ours',
    aws: `${GUIDE}reference_policies_elements_condition_operators.html#Conditions_IPAddress`,
    why: '0.0.0.0/0 is a range in CIDR form that holds every IPv4 address; the simulator finds none in it.',
    applies: condition(/IpAddress/, (one) => one.wanted.includes('0.0.0.0/0') && list(one.found).some((text) => !isV6(text))),
  },
  {
    id: 'ip-version-six',
    right: 'ours',
    aws: `${GUIDE}reference_policies_elements_condition_operators.html#Conditions_IPAddress`,
    why: 'RFC 4291: an IPv6 address is the same however it is written, and a lone address is a range of one; an address of the other version lies outside of every range and so is "not" in it.',
    applies: condition(/IpAddress/, (one) => list(one.found).length > 0 && values(one).some(isV6)),
  },
  {
    id: 'ip-malformed-negated',
    right: 'open',
    aws: `${GUIDE}reference_policies_elements_condition_operators.html#Conditions_IPAddress`,
    why: 'What is no address or range holds nothing, so NotIpAddress is true. No page says it; the simulator makes it false.',
    applies: condition(/NotIpAddress/, (one) => values(one).some((text) => !isAddress(text) && !isV6(text))),
  },
  {
    id: 'date-epoch-seconds',
    right: 'ours',
    aws: `${GUIDE}reference_policies_elements_condition_operators.html#Conditions_Date`,
    why: 'Epoch (Unix) time counts seconds; the simulator takes it for another unit when it is compared with a date in ISO 8601.',
    applies: condition(/Date/, (one) => values(one).some(isEpoch) && values(one).some((text) => !isEpoch(text))),
  },
  {
    id: 'date-short-forms',
    right: 'ours',
    aws: `${GUIDE}reference_policies_elements_condition_operators.html#Conditions_Date`,
    why: 'The page asks for "one of the W3C implementations of the ISO 8601 date formats": YYYY and YYYY-MM are among them (https://www.w3.org/TR/NOTE-datetime).',
    applies: condition(/Date/, (one) => values(one).some(isShortDate)),
  },
  {
    id: 'date-malformed',
    right: 'open',
    aws: `${GUIDE}reference_policies_elements_condition_operators.html#Conditions_Date`,
    why: 'What is none of the W3C forms equals no date: the operator is false and its negation true. No page says it; the simulator accepts some other forms and makes both false for the rest.',
    applies: condition(/Date/, (one) => values(one).some((text) => !isDate(text))),
  },
  {
    id: 'number-malformed',
    right: 'open',
    aws: `${GUIDE}reference_policies_elements_condition_operators.html#Conditions_Numeric`,
    why: 'What is no integer or decimal equals no number: the operator is false and its negation true. No page says it; the simulator takes an empty text for 0 and makes both false for the rest.',
    applies: condition(/Numeric/, (one) => values(one).some((text) => !isNumber(text) || !isPlainNumber(text))),
  },
]
