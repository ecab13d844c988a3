/** A page as far as the plugin can see it, the part of analytics.js that calls plugins, and HubSpot's scripts. */
import { hubspotDevice } from '../src/index.js'

const CALLS = ['page', 'identify', 'track', 'group', 'alias', 'screen']

function assign(target, path, value) {
  const keys = path.split('.')
  const last = keys.pop()
  for (const key of keys) target = target[key] = target[key] || {}
  target[last] = value
}

export class Page {
  /** Opens a fresh page: the globals of a browser, with nothing of HubSpot in it. */
  constructor(t, { url = 'https://www.site.test/', cookie = '' } = {}) {
    t.mock.timers.enable({ apis: ['setTimeout', 'Date'] })
    this.timers = t.mock.timers
    this.scripts = []
    this.received = []
    this.listeners = []
    const head = { append: (script) => this.scripts.push(script) }
    globalThis.window = {}
    globalThis.location = { href: url }
    globalThis.document = {
      cookie,
      head,
      createElement: (tagName) => ({ tagName }),
      getElementById: (id) => this.scripts.find((script) => script.id === id) || null,
    }
    globalThis.addEventListener = (_type, listener) => this.listeners.push(listener)
  }

  /** Makes the destination and loads it as analytics.js does. */
  async load(settings = {}) {
    this.plugins = hubspotDevice({ hubId: '1234', ...settings })
    this.isReady = false
    const loaded = Promise.all(this.plugins.map((plugin) => plugin.load()))
    Promise.all([loaded, ...this.plugins.filter((plugin) => plugin.ready).map((plugin) => plugin.ready())]).then(() => (this.isReady = true))
    await this.advance(0)
    return this
  }

  /** One call through the plugins: enrichment first, then the destinations that its `integrations` allow. */
  send(type, fields = {}) {
    if (!CALLS.includes(type)) throw new Error(`no such call: ${type}`)
    const defaults = { page: { properties: { path: '/', search: '' } }, identify: { traits: {} }, track: { properties: {} } }
    const event = { type, context: {}, integrations: {}, ...defaults[type], ...fields }
    const ctx = { event, updateEvent: (path, value) => assign(event, path, value) }
    for (const plugin of this.plugins) {
      const isDenied = plugin.type === 'destination' && event.integrations.HubSpot === false
      if (plugin[type] && !isDenied) plugin[type](ctx)
    }
    return event
  }

  /** Lets `ms` pass, step by step, with everything that waits for it. */
  async advance(ms) {
    for (let left = ms; left >= 0; left -= 5) {
      await new Promise((done) => setImmediate(done))
      this.timers.tick(Math.min(5, left))
    }
    await new Promise((done) => setImmediate(done))
  }

  get queue() {
    return window._hsq || []
  }

  script(id) {
    return this.scripts.find((script) => script.id === id)
  }

  /** HubSpot's tracking code runs: takes what is queued, counts one view itself, and takes the rest as it comes. */
  async hubspotComes() {
    const waiting = this.queue
    window._hsq = { push: (command) => this.received.push(command) }
    waiting.forEach(window._hsq.push)
    this.received.push(['trackPageView', 'by itself'])
    await this.advance(25)
  }

  async formsCome() {
    window.hbspt = { forms: { create() {} } }
    await this.advance(25)
  }
}

/** A page with HubSpot's script live and the landing page counted; `received` starts empty. */
export async function livePage(t, settings, options) {
  const page = await new Page(t, options).load(settings)
  page.send('page')
  await page.hubspotComes()
  page.received.length = 0
  return page
}
