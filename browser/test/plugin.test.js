import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { describe, test } from 'node:test'
import { hubspotDevice } from '../src/index.js'
import { Page, livePage } from './page.js'

const VIEW = ['trackPageView']
const LANDING = ['trackPageView', 'by itself']
const at = (path) => ({ properties: { path, search: '' } })

describe('contract', () => {
  test('the library name, and plugins that analytics.js accepts', async (t) => {
    const { version } = JSON.parse(await readFile(new URL('../package.json', import.meta.url)))
    const page = await new Page(t).load()
    assert.equal(hubspotDevice.pluginName, 'HubSpot')
    for (const plugin of page.plugins) {
      assert.equal(plugin.version, version)
      assert.equal(plugin.isLoaded(), true)
      for (const field of ['name', 'type', 'load']) assert.ok(plugin[field])
    }
  })

  test('group, alias and screen do nothing in HubSpot', async (t) => {
    const page = await livePage(t)
    for (const call of ['group', 'alias', 'screen']) page.send(call)
    assert.deepEqual(page.received, [])
  })
})

describe('page views', () => {
  test('without page() nothing of HubSpot is loaded and nothing is sent', async (t) => {
    const page = await new Page(t).load()
    page.send('identify', { userId: 'u', traits: { email: 'a@b.co' } })
    page.send('track', { event: 'x' })
    await page.advance(1000)
    assert.deepEqual(page.scripts, [])
  })

  test('the landing page is counted once, by HubSpot, with its path', async (t) => {
    const page = await new Page(t).load()
    page.send('page', at('/landing'))
    await page.hubspotComes()
    assert.deepEqual(page.received, [['setPath', '/landing'], LANDING])
  })

  test('pages before the script comes are counted once each', async (t) => {
    const page = await new Page(t).load()
    for (const path of ['/1', '/2', '/3']) page.send('page', at(path))
    await page.hubspotComes()
    assert.deepEqual(page.received, [['setPath', '/1'], VIEW, ['setPath', '/2'], VIEW, ['setPath', '/3'], LANDING])
  })

  test('a tracking code that the page has already counts the first page', async (t) => {
    const page = new Page(t)
    await page.hubspotComes()
    await page.load()
    page.send('page')
    page.send('page', at('/next'))
    assert.deepEqual(page.received, [LANDING, ['setPath', '/'], ['setPath', '/next'], VIEW])
    assert.equal(page.scripts.length, 1)
  })

  test('... unless the address has changed since', async (t) => {
    const page = new Page(t)
    await page.hubspotComes()
    await page.load()
    location.href = 'https://www.site.test/next'
    page.send('page', at('/next'))
    assert.deepEqual(page.received, [LANDING, ['setPath', '/next'], VIEW])
  })

  test('a page without a path has the address that HubSpot sees', async (t) => {
    const page = await livePage(t)
    page.send('page', { properties: { title: 'x' } })
    assert.deepEqual(page.received, [VIEW])
  })

  test('the loader is added once, also beside one that is in the page', async (t) => {
    const page = new Page(t)
    page.scripts.push({ id: 'hs-script-loader' })
    await page.load()
    page.send('page')
    page.send('page')
    assert.equal(page.scripts.length, 1)
  })

  test('identify travels in order with the view after it', async (t) => {
    const page = await new Page(t).load()
    page.send('page')
    page.send('identify', { userId: 'u', traits: { email: 'a@b.co' } })
    await page.hubspotComes()
    assert.deepEqual(page.received, [['setPath', '/'], ['identify', { id: 'u', email: 'a@b.co' }], LANDING])
  })

})

describe('what is left to the server', () => {
  const names = (page) => page.received.map(([, event]) => event.name)
  const device = (page, event) => page.send('track', { event }).context.hubspot.device

  test('tracks that the destination renames or filters, in any case', async (t) => {
    const page = await livePage(t, { events: ['card number entered'] })
    assert.equal(device(page, ' Card Number Entered '), 'failed')
    assert.equal(device(page, 'Bought'), 'loaded')
    assert.deepEqual(names(page), ['pe1234_bought'])
  })

  test('all tracks but some', async (t) => {
    const page = await livePage(t, { events: ['bought'], onlyEvents: true })
    assert.equal(device(page, 'Looked'), 'failed')
    assert.equal(device(page, 'Bought'), 'loaded')
    assert.deepEqual(names(page), ['pe1234_bought'])
  })

  test('traits, where the destination has rules for them', async (t) => {
    const page = await livePage(t, { emailOnly: true })
    page.send('identify', { userId: 'u', traits: { email: 'a@b.co', name: 'Ann', passport: 'X1', address: { city: 'Rome' } } })
    assert.deepEqual(page.received, [['identify', { id: 'u', email: 'a@b.co' }]])
  })
})

describe('the mark', () => {
  const mark = (page) => page.send('track', { event: 'x' }).context.hubspot

  test('pending, then loaded, with the visitor token', async (t) => {
    const page = await new Page(t, { cookie: 'a=1; hubspotutk=0123abcd; b=2' }).load()
    assert.deepEqual(mark(page), { device: 'pending', hubId: '1234', utk: '0123abcd' })
    page.send('page')
    await page.hubspotComes()
    assert.deepEqual(mark(page), { device: 'loaded', hubId: '1234', utk: '0123abcd' })
  })

  test('every kind of call has it', async (t) => {
    const page = await livePage(t)
    for (const call of ['page', 'identify', 'track', 'group', 'alias', 'screen']) {
      assert.equal(page.send(call, { event: 'x' }).context.hubspot.device, 'loaded', call)
    }
  })

  test('opted in again: the empty cookie of HubSpot is no opt-out', async (t) => {
    const page = await livePage(t, {}, { cookie: '__hs_do_not_track=; hubspotutk=0123abcd' })
    assert.deepEqual(mark(page), { device: 'loaded', hubId: '1234', utk: '0123abcd' })
  })

  test('a cookie of a similar name is not the visitor token', async (t) => {
    const page = await new Page(t, { cookie: 'nothubspotutk=1' }).load()
    assert.equal(mark(page).utk, undefined)
  })

  test('failed when the loader is blocked; what is marked so is not queued for HubSpot', async (t) => {
    const page = await new Page(t).load()
    page.send('page')
    page.script('hs-script-loader').onerror()
    const before = page.queue.length
    assert.equal(mark(page).device, 'failed')
    page.send('page')
    assert.equal(page.queue.length, before)
  })

  test('failed when only the second script is blocked', async (t) => {
    const page = await new Page(t).load()
    page.send('page')
    page.fire('error', { target: { id: 'a-picture' } })
    assert.equal(mark(page).device, 'pending')
    page.fire('error', { target: { id: 'hs-analytics' } })
    assert.equal(mark(page).device, 'failed')
  })

  test('failed when no script came in time, loaded when it comes late; nothing is sent twice', async (t) => {
    const page = await new Page(t).load({ timeoutMs: 1000 })
    page.send('page')
    page.send('track', { event: 'early' })
    await page.advance(1100)
    assert.equal(page.send('track', { event: 'meanwhile' }).context.hubspot.device, 'failed')
    await page.hubspotComes()
    assert.equal(page.send('track', { event: 'late' }).context.hubspot.device, 'loaded')
    const names = page.received.filter(([command]) => command === 'trackCustomBehavioralEvent').map(([, event]) => event.name)
    assert.deepEqual(names, ['pe1234_early', 'pe1234_late'])
  })
})

describe('ready', () => {
  test('waits for the tracking code', async (t) => {
    const page = await new Page(t).load()
    page.send('page')
    await page.advance(1000)
    assert.equal(page.isReady, false)
    await page.hubspotComes()
    assert.equal(page.isReady, true)
  })

  test('waits for the tracking code and the Forms SDK', async (t) => {
    const page = await new Page(t).load({ loadFormsSdk: true })
    page.send('page')
    await page.hubspotComes()
    await page.advance(400)
    assert.equal(page.isReady, false)
    await page.formsCome()
    assert.equal(page.isReady, true)
  })

  test('the Forms SDK needs no page()', async (t) => {
    const page = await new Page(t).load({ loadFormsSdk: true })
    assert.ok(page.script('hs-forms-sdk'))
    await page.formsCome()
    await page.advance(400)
    assert.equal(page.isReady, true)
  })

  test('is not held up by a page() that never comes', async (t) => {
    const page = await new Page(t).load()
    await page.advance(400)
    assert.equal(page.isReady, true)
  })

  test('a blocked Forms SDK: events flow, ready comes', async (t) => {
    const page = await new Page(t).load({ loadFormsSdk: true })
    page.send('page')
    page.script('hs-forms-sdk').onerror()
    await page.hubspotComes()
    await page.advance(100)
    page.send('track', { event: 'x' })
    assert.equal(page.isReady, true)
    assert.equal(page.received.length, 3)
  })

  test('everything blocked: ready comes at once', async (t) => {
    const page = await new Page(t).load({ loadFormsSdk: true })
    page.send('page')
    for (const script of page.scripts) script.onerror()
    await page.advance(50)
    assert.equal(page.isReady, true)
  })

  test('scripts that hang: ready comes when the time is over', async (t) => {
    const page = await new Page(t).load({ loadFormsSdk: true, timeoutMs: 2000 })
    page.send('page')
    await page.advance(1900)
    assert.equal(page.isReady, false)
    await page.advance(400)
    assert.equal(page.isReady, true)
  })
})

describe('a page that is left', () => {
  const person = { userId: 'u', traits: { email: 'a@b.co' } }
  const summary = (events) => events.map(({ type, context }) => `${type} ${context.hubspot.device}`)

  /** Leaves the page; what it kept for the next one. */
  function leave(page) {
    page.fire('pagehide')
    return page.stored.map(({ event }) => event.type)
  }

  test('what a timer still holds goes to the server, which delivers the tracks', async (t) => {
    const page = await livePage(t)
    for (const call of ['identify', 'group', 'track']) page.enrich(call, { ...person, event: 'x' })
    assert.deepEqual(leave(page), ['identify', 'group'])
    assert.deepEqual(summary(page.sent), ['identify failed', 'group failed', 'track failed'])
  })

  test('what both sides have is neither sent nor kept', async (t) => {
    const page = await livePage(t)
    for (const call of ['identify', 'group', 'track']) page.send(call, { ...person, event: 'x' })
    page.send('track', { event: 'x', integrations: { HubSpot: false } })
    assert.deepEqual([leave(page), page.sent], [[], []])
  })

  test('what waits for HubSpot’s script is kept, and no longer waits here', async (t) => {
    const page = await new Page(t).load()
    page.send('page')
    window._hsq.push(['doNotTrack'])
    page.send('identify', person)
    page.send('track', { event: 'x' })
    assert.deepEqual([leave(page), page.sent], [['identify', 'track'], []])
    assert.deepEqual(page.queue, [['setPath', '/'], ['doNotTrack']])
  })

  test('nothing is kept for a script that is blocked, or that no page() asked for', async (t) => {
    const blocked = await new Page(t).load()
    blocked.send('page')
    blocked.send('track', { event: 'x' })
    blocked.script('hs-script-loader').onerror()
    assert.deepEqual(leave(blocked), [])
  })

  test('... or that no page() asked for', async (t) => {
    const page = await new Page(t).load()
    page.send('track', { event: 'x' })
    assert.deepEqual(leave(page), [])
  })

  test('a call that may not go to the server does not', async (t) => {
    const page = await livePage(t)
    page.enrich('track', { event: 'x', integrations: { 'Segment.io': false } })
    leave(page)
    assert.deepEqual(page.sent, [])
  })

  test('the next page has what was kept', async (t) => {
    const page = new Page(t)
    page.stored = [{ event: { type: 'identify', ...person } }]
    await page.load()
    assert.deepEqual(page.queued, [{ type: 'identify', ...person }])
    assert.deepEqual(leave(page), [])
  })

  test('restored by the back button, it sends HubSpot nothing of what it gave away, and gives nothing away twice', async (t) => {
    const page = await livePage(t)
    const held = ['page', 'identify', 'track'].map((call) => page.enrich(call, { ...person, event: 'x', properties: {} }))
    assert.deepEqual(leave(page), ['page', 'identify'])
    held.forEach((ctx) => page.deliver(ctx))
    assert.deepEqual(page.received, [])
    page.sent.length = 0
    assert.deepEqual([leave(page), page.sent], [[], []])
  })
})

describe('consent', () => {
  const consent = (categoryPreferences) => ({ context: { consent: { categoryPreferences } } })
  const settings = { consentCategories: ['Advertising', 'Analytics'], loadFormsSdk: true }

  test('denied: no script, no command', async (t) => {
    const page = await new Page(t).load(settings)
    for (const preferences of [{}, { Advertising: true }, { Advertising: true, Analytics: false }]) {
      page.send('page', consent(preferences))
      page.send('identify', { ...consent(preferences), traits: { email: 'a@b.co' } })
    }
    await page.advance(400)
    assert.deepEqual([page.scripts, page.queue, page.isReady], [[], [], true])
  })

  test('given later, with any event: the scripts come, and only what was allowed is sent', async (t) => {
    const page = await new Page(t).load(settings)
    page.send('page', consent({ Advertising: false, Analytics: false }))
    page.send('track', { event: 'Agreed', ...consent({ Advertising: true, Analytics: true }) })
    assert.deepEqual(page.scripts.map(({ id }) => id), ['hs-forms-sdk', 'hs-script-loader'])
    await page.hubspotComes()
    assert.deepEqual(page.received, [['trackCustomBehavioralEvent', { name: 'pe1234_agreed', properties: {} }], LANDING])
  })

  test('withdrawn: nothing more is sent', async (t) => {
    const page = await livePage(t, settings)
    page.send('page', consent({ Advertising: true, Analytics: false }))
    page.send('track', { event: 'x', ...consent({ Advertising: true, Analytics: false }) })
    assert.deepEqual(page.received, [])
  })

  test('a page after a denied one is not counted for it', async (t) => {
    const page = await new Page(t).load(settings)
    page.send('page', { ...at('/denied'), ...consent({}) })
    page.send('page', { ...at('/allowed'), ...consent({ Advertising: true, Analytics: true }) })
    await page.hubspotComes()
    assert.deepEqual(page.received, [['setPath', '/allowed'], LANDING])
  })

  test('no consent on the event: it flows', async (t) => {
    const page = await livePage(t, settings)
    page.send('track', { event: 'x' })
    assert.equal(page.received.length, 1)
  })

  test('opted out in HubSpot: neither the browser nor the server sends it, and no token', async (t) => {
    const page = await livePage(t, {}, { cookie: '__hs_do_not_track=yes; hubspotutk=0123abcd' })
    const track = page.send('track', { event: 'x' })
    assert.equal(track.integrations.HubSpot, false)
    assert.equal(track.context.hubspot.utk, undefined)
    assert.deepEqual(page.received, [])
  })

  test('opted out: page() still brings HubSpot’s script, with which a visitor opts in again', async (t) => {
    const page = await new Page(t, { cookie: '__hs_do_not_track=yes' }).load()
    page.send('page')
    assert.ok(page.script('hs-script-loader'))
  })
})
