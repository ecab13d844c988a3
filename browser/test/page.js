/** A page as far as the plugin can see it, the part of analytics.js that calls plugins, and HubSpot's scripts. */
import { hubspotDevice } from '../src/index.js'

const CALLS = ['page', 'identify', 'track', 'group', 'alias', 'screen']

let messages = 0

export class Page {
  /** Opens a fresh page: the globals of a browser, with nothing of HubSpot in it. */
  constructor(t, { url = 'https://www.site.test/', cookie = '' } = {}) {
    t.mock.timers.enable({ apis: ['setTimeout', 'Date'] })
    this.timers = t.mock.timers
    this.scripts = []
    this.received = []
    this.listeners = []
    this.stored = []
    this.sent = []
    this.queued = []
    const head = { append: (script) => this.scripts.push(script) }
    globalThis.window = {}
    globalThis.location = { href: url }
    globalThis.document = {
      cookie,
      head,
      createElement: (tagName) => ({ tagName }),
      getElementById: (id) => this.scripts.find((script) => script.id === id) || null,
    }
    globalThis.addEventListener = (type, listener) => this.listeners.push({ type, listener })
  }

  /** As much of analytics.js as a plugin sees: its queue, the server's plugin, and the kind of queue that outlives a page. */
  analytics() {
    const page = this
    class KeptQueue {
      constructor(_attempts, key) {
        this.items = key ? page.stored.splice(0) : []
        if (key) addEventListener('pagehide', () => (page.stored = [...this.items]))
      }
      push(ctx) {
        return [this.items.push(ctx)]
      }
      pop() {
        return this.items.shift()
      }
    }
    const server = Object.fromEntries(CALLS.map((type) => [type, ({ event }) => this.sent.push(structuredClone(event))]))
    return {
      queue: {
        queue: new KeptQueue(),
        plugins: [{ name: 'Segment.io', ...server }],
        on: (_name, listener) => (this.delivered = listener),
        dispatch: (ctx) => this.queued.push(ctx.event),
      },
    }
  }

  /** Fires an event on the window. */
  fire(type, event = {}) {
    for (const { type: wanted, listener } of [...this.listeners]) if (wanted === type) listener(event)
  }

  /** Makes the destination and loads it as analytics.js does. */
  async load(settings = {}) {
    this.plugins = hubspotDevice({ hubId: '1234', ...settings })
    this.isReady = false
    const analytics = this.analytics()
    const loaded = Promise.all(this.plugins.map((plugin) => plugin.load({}, analytics)))
    Promise.all([loaded, ...this.plugins.filter((plugin) => plugin.ready).map((plugin) => plugin.ready())]).then(() => (this.isReady = true))
    await this.advance(0)
    return this
  }

  /** One call through the plugins: enrichment first, then the destinations that its `integrations` allow. */
  send(type, fields = {}) {
    const ctx = this.enrich(type, fields)
    this.deliver(ctx)
    return ctx.event
  }

  /** The first half of a call: what happens before analytics.js waits for a timer. */
  enrich(type, fields = {}) {
    if (!CALLS.includes(type)) throw new Error(`no such call: ${type}`)
    const defaults = { page: { properties: { path: '/', search: '' } }, identify: { traits: {} }, track: { properties: {} } }
    const messageId = `m${(messages += 1)}`
    const ctx = { event: { type, messageId, context: {}, integrations: {}, ...defaults[type], ...fields } }
    this.plugins.filter((plugin) => plugin.type === 'enrichment').forEach((plugin) => plugin[type](ctx))
    return ctx
  }

  /** The second half: the destinations, and the word that the server has it. */
  deliver(ctx) {
    const { type, integrations } = ctx.event
    const destinations = this.plugins.filter((plugin) => plugin.type === 'destination' && plugin[type])
    if (integrations.HubSpot !== false) destinations.forEach((plugin) => plugin[type](ctx))
    this.delivered(ctx)
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
