import assert from 'node:assert/strict'
import { it } from 'node:test'
import { findings, readingEase, sentencesOf } from './prose.mjs'

const rules = {
    words_in_a_sentence: 5,
    instead_of: { 'so long': 'this long', "nobody else's": 'only your own' },
    reading_ease: { least: 55, pages: ['README.md', 'docs/how-to/'] },
}
const found = (text, page = 'docs/a.md') => findings(page, sentencesOf(text), rules)

it('finds a long sentence in a paragraph, a list, a quote and a table, and says where', () => {
    const long = 'One two three four five six.'
    for (const text of [long, `- ${long}`, `> ${long}`, `| a |\n|---|\n| ${long} |`]) assert.match(found(text).join(), /6 words/, text)
    assert.match(found(`A.\n\n${long}`)[0], /^docs\/a\.md:3: 6 words/)
    assert.deepEqual(found('One two three. Four five six.'), [])
})

it('counts code as one word, and no blocks, HTML, pictures or addresses', () => {
    const [sentence] = sentencesOf('Run `make a b c d e` at https://a.example/b.c?d=e now.')
    assert.equal(sentence.words.length, 5)
    assert.deepEqual(sentencesOf('```sh\nso long a b c d e f\n```\n\n<!-- so long a b c d e f -->\n\n![so long](a.png)\n\n# So long'), [])
    assert.deepEqual(found('Say `so long` now.'), [])
})

it('finds a phrase in any case, over a line break, and with a typographic apostrophe', () => {
    assert.match(found('It waits So\nlong.')[0], /“so long”\. Write instead: this long/)
    assert.match(found('It is nobody else’s.')[0], /nobody else's/)
    assert.deepEqual(found('It is also longer.'), [])
})

it('wants easy words where beginners read', () => {
    const hard = 'Organizational interoperability necessitates considerable standardization.'
    assert.ok(readingEase(sentencesOf(hard)) < 0)
    assert.match(found(hard, 'docs/how-to/a.md')[0], /reading ease/)
    assert.match(found(hard, 'README.md')[0], /reading ease/)
    assert.deepEqual(found(hard), [])
    assert.deepEqual(found('The cat sat on it.', 'README.md'), [])
    // Flesch, 1948: 206.835 - 1.015 * words / sentences - 84.6 * syllables / words
    assert.ok(Math.abs(readingEase(sentencesOf('The cat ran. The dog ran.')) - (206.835 - 1.015 * 3 - 84.6)) < 1e-9)
})
