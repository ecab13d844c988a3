import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { IDENTIFY, TRACK } from './golden.js'
import { Page, livePage } from './page.js'

// Not UTC, so that a time without a zone shows what becomes of it.
process.env.TZ = 'America/New_York'

describe('identify', () => {
  for (const { row, userId, traits, contact } of IDENTIFY) {
    test(row, async (t) => {
      const page = await livePage(t)
      page.send('identify', { userId, traits })
      assert.deepEqual(page.received, contact ? [['identify', contact]] : [])
    })
  }
})

describe('track', () => {
  for (const { row, event, given, name, properties } of TRACK) {
    test(row, async (t) => {
      const page = await livePage(t)
      const { device } = page.send('track', { event, properties: given || {} }).context.hubspot
      assert.deepEqual(page.received, name ? [['trackCustomBehavioralEvent', { name, properties }]] : [])
      assert.equal(device, name ? 'loaded' : 'failed')
    })
  }
})

describe('scripts', () => {
  const ROWS = [
    { row: 'North America', settings: {}, loader: 'https://js.hs-scripts.com/1234.js', forms: 'https://js.hsforms.net/forms/v2.js' },
    { row: 'na1 by name', settings: { region: 'na1' }, loader: 'https://js.hs-scripts.com/1234.js', forms: 'https://js.hsforms.net/forms/v2.js' },
    { row: 'Europe', settings: { region: 'eu1' }, loader: 'https://js-eu1.hs-scripts.com/1234.js', forms: 'https://js-eu1.hsforms.net/forms/v2.js' },
    { row: 'na2', settings: { region: 'na2' }, loader: 'https://js-na2.hs-scripts.com/1234.js', forms: 'https://js-na2.hsforms.net/forms/v2.js' },
    {
      row: 'hosts of our own',
      settings: { scriptBase: 'http://127.0.0.1:8080/_hubspot/js', formsUrl: 'http://127.0.0.1:8080/_hubspot/js/forms/v2.js' },
      loader: 'http://127.0.0.1:8080/_hubspot/js/1234.js',
      forms: 'http://127.0.0.1:8080/_hubspot/js/forms/v2.js',
    },
  ]
  for (const { row, settings, loader, forms } of ROWS) {
    test(row, async (t) => {
      const page = await new Page(t).load({ ...settings, loadFormsSdk: true })
      page.send('page')
      assert.equal(page.script('hs-script-loader').src, loader)
      assert.equal(page.script('hs-forms-sdk').src, forms)
    })
  }

  test('no Forms SDK unless it is asked for', async (t) => {
    const page = await livePage(t)
    assert.equal(page.script('hs-forms-sdk'), undefined)
  })
})

describe('page', () => {
  test('differs: later pages set the path before the view', async (t) => {
    const page = await livePage(t)
    page.send('page', { properties: { path: '/pricing', search: '?plan=pro' } })
    assert.deepEqual(page.received, [['setPath', '/pricing?plan=pro'], ['trackPageView']])
  })
})
