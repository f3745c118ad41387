// What a page's prose is like: its sentences, its words, and how easy it is to read.
//
// Prose is paragraphs, list items, quotes and the cells of tables. Code blocks, HTML, pictures and addresses are none. A code span
// counts as one short word, because a reader reads it as one.

import { flesch } from 'flesch'
import { fromMarkdown } from 'mdast-util-from-markdown'
import { gfmTableFromMarkdown } from 'mdast-util-gfm-table'
import { gfmTable } from 'micromark-extension-gfm-table'
import { toString } from 'nlcst-to-string'
import { ParseEnglish } from 'parse-english'
import { syllable } from 'syllable'

const english = new ParseEnglish()
// In capitals, because a sentence may begin with it.
const CODE = 'It'
const ADDRESS = /\bhttps?:\/\/\S+/g

/** The prose of a page, block after block, with the line of each. */
function* blocks(node, inTable = false) {
    if (node.type === 'paragraph' || node.type === 'tableCell') {
        const text = words(node).replace(ADDRESS, CODE).replace(/\s+/g, ' ').trim()
        if (text) yield { text, line: node.position.start.line, inTable }
    } else {
        for (const child of node.children ?? []) yield* blocks(child, inTable || node.type === 'table')
    }
}

function words(node) {
    if (node.type === 'text') return node.value
    if (node.type === 'inlineCode') return CODE
    if (node.type === 'break') return ' '
    return (node.children ?? []).map(words).join('')
}

/** The nodes of one type, each with the words in it. */
function* nodes(node, type) {
    if (node.type === type) yield node
    else for (const child of node.children ?? []) yield* nodes(child, type)
}

/** The sentences of a page: text, words and line of each. */
export function sentencesOf(markdown) {
    const page = fromMarkdown(markdown, { extensions: [gfmTable()], mdastExtensions: [gfmTableFromMarkdown()] })
    return [...blocks(page)].flatMap(({ text, line, inTable }) =>
        [...nodes(english.parse(text), 'SentenceNode')].map(sentence => {
            const list = [...nodes(sentence, 'WordNode')].map(word => toString(word))
            return { text: toString(sentence), words: list, line, inTable }
        }).filter(sentence => sentence.words.length > 0))
}

/** Flesch's reading ease, from 0 (very hard) to 100 (very easy). Tables do not count, because their cells are no whole sentences. */
export function readingEase(sentences) {
    const whole = sentences.filter(sentence => !sentence.inTable)
    const list = whole.flatMap(sentence => sentence.words)
    if (list.length === 0) return undefined
    const syllables = list.reduce((sum, word) => sum + Math.max(1, syllable(word)), 0)
    return flesch({ sentence: whole.length, word: list.length, syllable: syllables })
}

/** What the rules find on a page. */
export function findings(path, sentences, rules) {
    const found = []
    for (const { text, words: { length }, line } of sentences) {
        if (length > rules.words_in_a_sentence) {
            found.push(`${path}:${line}: ${length} words, and ${rules.words_in_a_sentence} are the most: “${text.slice(0, 70)}…”`)
        }
        for (const [phrase, instead] of Object.entries(rules.instead_of)) {
            if (new RegExp(`\\b${phrase.replaceAll(' ', '\\s+')}\\b`, 'i').test(text.replaceAll('’', "'"))) {
                found.push(`${path}:${line}: “${phrase}”. Write instead: ${instead}`)
            }
        }
    }
    const { least, pages } = rules.reading_ease
    const ease = readingEase(sentences)
    if (ease < least && pages.some(page => path === page || (page.endsWith('/') && path.startsWith(page)))) {
        found.push(`${path}: a reading ease of ${ease.toFixed(0)}, and ${least} is the least. Shorter sentences and words help.`)
    }
    return found
}
