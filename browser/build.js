/**
 * What Hubwire serves of this folder: `node build.js FOLDER`.
 *
 * hubspot-device.js defines `window.hubspotDevice`; head.js and boot.js stand around the core in the one-request file; all
 * three run in every browser of 2018 and later. snippet.txt is Segment's snippet, with @host@ and @key@ to be filled in.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import snippet from '@segment/snippet'
import { build } from 'esbuild'

const ENTRIES = { 'hubspot-device': 'src/global.js', head: 'src/bundle/head.js', boot: 'src/bundle/boot.js' }

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
    minify: true,
    format: 'iife',
    target: 'es2018',
    charset: 'ascii',
  })
  return Object.fromEntries(outputFiles.map(({ path, text }) => [path.split(/[\\/]/).pop().replace('.js', ''), text]))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = process.argv[2]
  for (const [name, text] of Object.entries(await minify())) writeFileSync(join(folder, `${name}.js`), text)
  writeFileSync(join(folder, 'snippet.txt'), snippet.min({ host: '@host@', apiKey: '@key@', page: true }))
}
