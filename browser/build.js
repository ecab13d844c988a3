/**
 * What Hubwire serves of this folder: `node build.js FOLDER`.
 *
 * hubspot-device.js defines `window.hubspotDevice`; head.js and boot.js stand around the core in the one-request file; all
 * three run in every browser of 2018 and later. snippet.txt is Segment's snippet, with @host@ and @key@ to be filled in,
 * and keep.js.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import snippet from '@segment/snippet'
import { build } from 'esbuild'
import { minify as terse } from 'terser'

const ENTRIES = { 'hubspot-device': 'src/global.js', head: 'src/bundle/head.js', boot: 'src/bundle/boot.js', keep: 'src/bundle/keep.js' }

/** What gzips to the fewest bytes: some 3 % fewer than esbuild's own minifier, without inlined functions fewer still. */
const SHORTEST = {
  ecma: 2018,
  compress: { passes: 3, inline: 0, reduce_funcs: false, unsafe_arrows: true },
  format: { ascii_only: true },
}

/** The minified scripts by name. */
export async function minify() {
  const entryPoints = Object.fromEntries(
    Object.entries(ENTRIES).map(([name, path]) => [name, fileURLToPath(new URL(path, import.meta.url))]),
  )
  const { outputFiles } = await build({
    entryPoints,
    outdir: '.',
    write: false,
    bundle: true,
    format: 'iife',
    target: 'es2018',
    charset: 'ascii',
  })
  const scripts = outputFiles.map(async ({ path, text }) => [path.split(/[\\/]/).pop().replace('.js', ''), (await terse(text, SHORTEST)).code])
  return Object.fromEntries(await Promise.all(scripts))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = process.argv[2]
  const { keep, ...scripts } = await minify()
  for (const [name, text] of Object.entries(scripts)) writeFileSync(join(folder, `${name}.js`), text)
  writeFileSync(join(folder, 'snippet.txt'), `${snippet.min({ host: '@host@', apiKey: '@key@', page: true })}\n${keep}\n`)
}
