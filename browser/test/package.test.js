import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { runInNewContext } from 'node:vm'
import { gzipSync } from 'node:zlib'

const folder = new URL('..', import.meta.url)
const manifest = JSON.parse(readFileSync(new URL('package.json', folder)))
const hasEsbuild = existsSync(new URL('node_modules/esbuild', folder))

async function minified() {
  const { minify } = await import('../build.js')
  return (await minify())['hubspot-device']
}

test('the minified library is at most 2.2 kB gzipped', { skip: !hasEsbuild && 'esbuild is not installed: npm ci' }, async () => {
  const bytes = gzipSync(await minified(), { level: 9 }).length
  assert.ok(bytes <= 2200, `${bytes} bytes`)
})

test('the minified library defines window.hubspotDevice and nothing else', { skip: !hasEsbuild && 'esbuild is not installed: npm ci' }, async () => {
  const page = { window: {} }
  runInNewContext(await minified(), page)
  assert.deepEqual(Object.keys(page), ['window'])
  assert.deepEqual(Object.keys(page.window), ['hubspotDevice'])
  assert.equal(page.window.hubspotDevice.pluginName, 'HubSpot')
})

test('the npm package has no dependencies and carries everything that it exports', () => {
  assert.equal(manifest.dependencies, undefined)
  const [pack] = Object.values(JSON.parse(execFileSync('npm', ['pack', '--dry-run', '--json'], { cwd: folder, stdio: ['ignore', 'pipe', 'ignore'] })))
  const files = pack.files.map(({ path }) => path).sort()
  assert.deepEqual(files, ['LICENSE', 'README.md', 'package.json', 'src/index.d.ts', 'src/index.js', 'src/properties.js'])
})

test('the package can be imported by its name', async () => {
  const { hubspotDevice } = await import(manifest.name)
  assert.equal(hubspotDevice.pluginName, 'HubSpot')
})

test('the lock file pins by content and names no registry', () => {
  const lock = readFileSync(new URL('package-lock.json', folder), 'utf8')
  assert.doesNotMatch(lock, /"resolved"/)
  const { packages } = JSON.parse(lock)
  for (const [path, { integrity }] of Object.entries(packages)) if (path) assert.match(integrity, /^sha512-/, path)
})
