// Checks the prose of all pages by the rules in prose.json, and prints a figure for each page. The pages in `not_yet` are only
// measured. A page that passes must leave that list.

import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { findings, readingEase, sentencesOf } from './prose.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))
const rules = JSON.parse(readFileSync(new URL('prose.json', import.meta.url), 'utf8'))
const pages = [
    ...['README.md', 'SECURITY.md', 'CONTRIBUTING.md', 'CHANGELOG.md', ...['chat-rest', 'kotlin', 'swift', 'web'].map(client => `clients/${client}/README.md`)].filter(page => existsSync(root + page)),
    ...readdirSync(`${root}docs`, { recursive: true }).filter(name => /(?<!SUMMARY)\.md$/.test(name)).map(name => `docs/${name}`).sort(),
]

const row = cells => console.log(cells.map((cell, column) => column === 0 ? String(cell).padEnd(40) : String(cell).padStart(11)).join(''))
row(['page', 'sentences', 'mean words', 'most words', 'ease', 'findings', 'checked'])
const failures = rules.not_yet.filter(page => !pages.includes(page)).map(page => `prose.json: there is no page ${page}`)
for (const page of pages) {
    const sentences = sentencesOf(readFileSync(root + page, 'utf8'))
    const found = findings(page, sentences, rules)
    const checked = !rules.not_yet.includes(page)
    const lengths = sentences.map(sentence => sentence.words.length)
    const mean = lengths.reduce((sum, length) => sum + length, 0) / lengths.length
    row([page, lengths.length, mean.toFixed(1), Math.max(0, ...lengths), readingEase(sentences)?.toFixed(0) ?? '', found.length, checked ? 'yes' : 'not yet'])
    if (checked || process.argv.includes('--all')) failures.push(...found)
    else if (found.length === 0) failures.push(`prose.json: ${page} passes. Take it out of not_yet.`)
}
if (failures.length > 0) {
    console.error(`\n${failures.join('\n')}`)
    process.exitCode = 1
}
