// Verifies Agora's tokens with Agora's own packages: a JSON list of cases in, a list of verdicts out (see src/verifiers.rs).

import { readFileSync } from 'node:fs'
import { verify } from './agora-tokens.mjs'

// The packages print what they cannot read, but standard output is only for the verdicts.
console.log = console.error

process.stdout.write(JSON.stringify(JSON.parse(readFileSync(0, 'utf8')).map(verify)))
