// The differential test: our engine and an independent simulator on the same cases.
//
//   node compare.mjs FOLDER PROGRAM                 the test: fails unless the disagreements are exactly those committed
//   node compare.mjs FOLDER PROGRAM --update        writes disagreements.json anew, to be reviewed
//   node compare.mjs FOLDER PROGRAM --seed N        other cases: fails on a disagreement of no known class
//   node compare.mjs FOLDER PROGRAM --show ID       prints one case with both answers
//
// FOLDER has the simulator in node_modules; PROGRAM is our example `judge_cases`.

import { readFileSync, writeFileSync } from 'node:fs'
import { engine, simulator } from './answers.mjs'
import { makeCases } from './cases.mjs'
import { CLASSES } from './classes.mjs'

const SEED = 20261122
const COUNT = 12000
const committed = new URL('./disagreements.json', import.meta.url)

const [folder, program, option, value] = process.argv.slice(2)
const seed = option === '--seed' ? Number(value) : SEED
const cases = makeCases(seed, COUNT)
const ask = await simulator(folder)
const ours = engine(program, cases)

const found = Object.fromEntries(CLASSES.map(({ id }) => [id, []]))
const problems = []
let agreed = 0
for (const made of cases) {
  const mine = ours.get(made.id)
  const theirs = await ask(made)
  if (option === '--show' && made.id === Number(value)) console.log(JSON.stringify({ made, mine, theirs }, null, 2))
  if (mine.outcome === 'Error' || theirs.outcome === 'Error') {
    problems.push(`case ${made.id} (${made.family}) could not be judged: ours ${JSON.stringify(mine)}, theirs ${JSON.stringify(theirs)}`)
  } else if (mine.outcome === theirs.outcome) {
    agreed++
  } else {
    const known = CLASSES.find(({ applies }) => applies(made, mine.outcome, theirs.outcome))
    if (known) found[known.id].push(made.id)
    else problems.push(`case ${made.id} (${made.family}): ours ${mine.outcome}, theirs ${theirs.outcome}, and no class explains it: ${JSON.stringify(made)}`)
  }
}

function file() {
  const classes = CLASSES.map(({ id, right, aws, why }) => ({ id, right, aws, why, cases: found[id].length, ids: found[id].join(' ') }))
  return `${JSON.stringify({ simulator: '@cloud-copilot/iam-simulate 0.1.173', seed: SEED, count: COUNT, agreed, classes }, null, 2)}\n`
}

/** What is committed and what was found differ how? */
function compare() {
  const before = JSON.parse(readFileSync(committed, 'utf8'))
  for (const { id } of CLASSES) {
    const listed = new Set((before.classes.find((known) => known.id === id)?.ids ?? '').split(' ').filter(Boolean).map(Number))
    for (const one of found[id]) if (!listed.delete(one)) problems.push(`case ${one} disagrees (${id}) and is not listed`)
    for (const one of listed) problems.push(`case ${one} is listed under ${id} and no longer disagrees so`)
    if (found[id].length === 0) problems.push(`the class ${id} has no case any more`)
  }
  for (const { id } of before.classes) if (!(id in found)) problems.push(`the committed class ${id} is not in classes.mjs`)
}

if (option === '--update') writeFileSync(committed, file())
else if (option === undefined) compare()

const disagreed = Object.values(found).reduce((sum, ids) => sum + ids.length, 0)
for (const { id, right } of CLASSES) console.log(`  ${String(found[id].length).padStart(5)}  ${id} (${right === 'ours' ? 'ours is right' : 'not documented'})`)
console.log(`differential test: seed ${seed}, ${cases.length} cases: ${agreed} agree, ${disagreed} disagree as listed, ${problems.length} problems`)
for (const problem of problems.slice(0, 20)) console.error(`  ${problem}`)
process.exit(problems.length === 0 ? 0 : 1)
